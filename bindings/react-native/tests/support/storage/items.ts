/** What the stand-ins for the storage libraries keep, and how many of their next calls fail. */
export const items = new Map<string, string>();
export const failures = { reads: 0, deletions: 0 };

export function read(name: string): string | null {
  if (failures.reads > 0) {
    failures.reads -= 1;
    throw new Error('it cannot be read now');
  }
  return items.get(name) ?? null;
}

export function remove(name: string): void {
  if (failures.deletions > 0) {
    failures.deletions -= 1;
    throw new Error('it cannot be deleted now');
  }
  items.delete(name);
}
