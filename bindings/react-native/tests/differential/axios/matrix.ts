import type { OptionTreatment } from '../../../src/axios/options.ts';
import type { Case } from './cases.ts';
import type { Observation } from './observation.ts';
import { headersNotCompared } from './server.ts';

/** What became of a request through the session. */
export interface Row {
  readonly request: Case;
  readonly ours: Observation;
}

/**
 * The names of what differs, sorted. Where one is an answer and the other an error, that is the difference, and the
 * rest follows from it; and so with what was sent, where not the same requests were.
 */
export function differences(ours: Observation, theirs: Observation): string[] {
  const differs = (name: string) => ours[name] !== theirs[name];
  if (differs('outcome')) return ['outcome'];
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter(differs).sort();
  return differs('sent requests') ? names.filter((name) => !['sent headers', 'sent body'].includes(name)) : names;
}

/** The names of what is explained: an explanation may be of several, with commas between them. */
export function explained(request: Case, adapter: 'http' | 'fetch'): string[] {
  return Object.keys({ ...request.both, ...request[adapter] }).flatMap((names) => names.split(', ')).sort();
}

/** The published page. */
export function matrixPage(rows: readonly Row[], options: Readonly<Record<string, OptionTreatment>>): string {
  const differing = rows.filter(({ request }) => explained(request, 'http').length + explained(request, 'fetch').length);
  return `# axios: what is the same

What \`authSessionAdapter\` makes of axios' options, and how that compares with axios' own adapters. The same requests
go to one server through the session (TypeScript, the real Kotlin module on a JVM, the real library), through axios'
\`http\` adapter and through its \`fetch\` adapter, both in Node.js; what the server saw and what the app got is compared.
Of ${rows.length} requests ${rows.length - differing.length} are the same all three ways; the others differ in what
the table says, and in nothing else. **differs** is an answer instead of an error, or the other way round.

This page is written by \`tests/differential/axios.test.ts\`, which fails when it is out of date.

## Options

${table(['option', 'seen to by'], Object.entries(options).map(([name, treatment]) => [`\`${name}\``, seenToBy(treatment)]))}

An option that axios does not know is the app's own, and none of the adapter's business. A header \`Authorization\` is an
\`ERR_BAD_OPTION\`, too. A header \`Content-Length\` is left out: native code counts for itself.

## Requests

${table(['request', 'through the session', 'axios’ http adapter', 'axios’ fetch adapter'], rows.map(row))}

## Not compared

${table(['header', 'why'], Object.entries(headersNotCompared).map(([name, why]) => [`\`${name}\``, why]))}

The adapter that axios uses in React Native by default, \`xhr\`, is not in the table: React Native's \`XMLHttpRequest\`
does not run without a device.
`;
}

function seenToBy(treatment: OptionTreatment): string {
  if ('refused' in treatment) return `refused with \`ERR_BAD_OPTION\`: ${treatment.because}`;
  switch (treatment.by) {
    case 'adapter':
      return 'the adapter';
    case 'axios':
      return 'axios itself';
    case 'nobody':
      return `nobody: ${treatment.because}`;
  }
}

function row({ request, ours }: Row): string[] {
  const { name, both = {}, http = {}, fetch = {} } = request;
  return [name, summary(ours), cell({ ...both, ...http }), cell({ ...both, ...fetch })];
}

function summary({ code, status }: Observation): string {
  return code === undefined ? `${status}` : `\`${code}\`${status === 'none' ? '' : ` (${status})`}`;
}

function cell(explanations: Readonly<Record<string, string>>): string {
  const reasons = Object.entries(explanations).map(([names, why]) =>
    names === 'outcome' ? `**differs**: ${why}` : `*${names}*: ${why}`);
  return reasons.length === 0 ? 'same' : reasons.join('. ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
