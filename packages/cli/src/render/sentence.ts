/** A step's title as a line of its own: core writes titles in lower case, since they also stand within messages. */
export function sentence(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1);
}
