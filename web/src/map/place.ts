// Puts chips beside their points so that they cover neither each other nor what they speak of.

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Wish {
  id: string;
  /** The point it belongs to, and how far from its middle the chip must stay, px. */
  x: number;
  y: number;
  w: number;
  h: number;
  gap: number;
}

export type Side = 'right' | 'left' | 'above' | 'below';

export interface Placed extends Box {
  id: string;
  side: Side;
}

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));

function candidates({ x, y, w, h, gap }: Wish): (Box & { side: Side })[] {
  return [
    { side: 'right', x: x + gap, y: y - h / 2, w, h },
    { side: 'left', x: x - gap - w, y: y - h / 2, w, h },
    { side: 'below', x: x - w / 2, y: y + gap, w, h },
    { side: 'above', x: x - w / 2, y: y - gap - h, w, h },
    { side: 'right', x: x + gap, y: y - h - gap / 2, w, h },
    { side: 'right', x: x + gap, y: y + gap / 2, w, h },
    { side: 'left', x: x - gap - w, y: y - h - gap / 2, w, h },
    { side: 'left', x: x - gap - w, y: y + gap / 2, w, h },
  ];
}

/** First come, first served: earlier wishes get the better place; `frame` is where they must stay. */
export function placeChips(wishes: readonly Wish[], obstacles: readonly Box[], frame: Box): Placed[] {
  const taken: Box[] = [...obstacles];
  return wishes.map((wish) => {
    const cost = (box: Box) =>
      taken.reduce((sum, other) => sum + overlap(box, other), 0) + 3 * (box.w * box.h - overlap(box, frame));
    const best = candidates(wish).reduce((a, b) => (cost(b) < cost(a) - 1 ? b : a));
    taken.push(best);
    return { id: wish.id, ...best };
  });
}
