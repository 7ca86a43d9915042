import { act } from 'react';
import type { ReactNode } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';

interface Page {
  readonly textContent: string;
  innerHTML: string;
}

// What the test environment happy-dom brings, as far as it is needed; the types of a whole browser would hide mistakes
// elsewhere.
const { document } = globalThis as unknown as { document: { createElement(name: 'div'): Element & Page } };
(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

/** What React has rendered. */
export interface Rendered {
  readonly text: () => string;
  readonly rerender: (node: ReactNode) => void;
  readonly unmount: () => void;
}

export function render(node: ReactNode): Rendered {
  const container = document.createElement('div');
  const root = createRoot(container);
  act(() => root.render(node));
  return rendered(container, root);
}

/** Renders what a server has rendered as `html`, and collects what React has to complain of. */
export function hydrate(html: string, node: ReactNode): Rendered & { readonly complaints: unknown[] } {
  const container = document.createElement('div');
  container.innerHTML = html;
  const complaints: unknown[] = [];
  let root!: Root;
  act(() => {
    root = hydrateRoot(container, node, { onRecoverableError: (error) => complaints.push(error) });
  });
  return { ...rendered(container, root), complaints };
}

function rendered(container: Page, root: Root): Rendered {
  return {
    text: () => container.textContent,
    rerender: (node) => act(() => root.render(node)),
    unmount: () => act(() => root.unmount()),
  };
}
