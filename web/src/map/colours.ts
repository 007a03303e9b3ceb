// The map draws on a canvas and cannot read custom properties: it gets the tokens' values once.
export type Colour = (token: string) => string;

export function readColours(root: Element = document.documentElement): Colour {
  const style = getComputedStyle(root);
  return (token) => style.getPropertyValue(token).trim();
}
