/** Stands in for the ref of a navigation container: where it was sent. */
export const visited: { name: string; params?: object }[] = [];

export const navigationRef = {
  reset({ routes }: { index: number; routes: { name: string; params?: object }[] }): void {
    visited.push(...routes);
  },
};
