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

export type Side = 'right' | 'left' | 'above' | 'below' | 'middle';

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

/** For what belongs on its point: the point itself, else as near as the neighbours allow. */
function ring({ x, y, w, h, gap }: Wish): (Box & { side: Side })[] {
  const at = (dx: number, dy: number, side: Side) => ({ side, x: x - w / 2 + dx, y: y - h / 2 + dy, w, h });
  const steps = [1, 1.6].flatMap((far) =>
    [0, 45, 90, 135, 180, 225, 270, 315].map((degrees) => {
      const angle = (degrees * Math.PI) / 180;
      return at(Math.cos(angle) * gap * far, Math.sin(angle) * gap * far, 'middle');
    }),
  );
  return [at(0, 0, 'middle'), ...steps];
}

/** First come, first served: earlier wishes get the better place; `frame` is where they must stay. */
export function place(
  wishes: readonly Wish[],
  obstacles: readonly Box[],
  frame: Box,
  places: (wish: Wish) => (Box & { side: Side })[] = candidates,
): Placed[] {
  const taken: Box[] = [...obstacles];
  return wishes.map((wish) => {
    const cost = (box: Box) =>
      taken.reduce((sum, other) => sum + overlap(box, other), 0) + 3 * (box.w * box.h - overlap(box, frame));
    const best = places(wish)
      .map((box) => ({ box, cost: cost(box) }))
      .reduce((a, b) => (b.cost < a.cost - 1 ? b : a)).box;
    taken.push(best);
    return { id: wish.id, ...best };
  });
}

export const placeNear = (wishes: readonly Wish[], obstacles: readonly Box[], frame: Box): Placed[] =>
  place(wishes, obstacles, frame, ring);

const ROUNDS = 6;

/** Pushes points apart until they are `least` px from each other, so that each can be read and hit. */
export function spread<P extends { x: number; y: number }>(points: readonly P[], least: number): P[] {
  const moved = points.map((point) => ({ ...point }));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [index, a] of moved.entries())
      for (const b of moved.slice(index + 1)) {
        const dx = b.x - a.x;
        const dy = b.y - a.y;
        if (Math.abs(dx) >= least || Math.abs(dy) >= least) continue;
        const short = least - Math.max(Math.abs(dx), Math.abs(dy));
        const along = Math.abs(dx) >= Math.abs(dy) ? 'x' : 'y';
        const sign = (along === 'x' ? dx : dy) < 0 ? -1 : 1;
        a[along] -= (sign * short) / 2;
        b[along] += (sign * short) / 2;
      }
  return moved;
}

/** Covers boxes with square tiles, for the map's own labels to keep clear of them. */
export function tiles(boxes: readonly Box[], size: number): { x: number; y: number }[] {
  return boxes.flatMap((box) => {
    const columns = Math.max(1, Math.ceil(box.w / size));
    const rows = Math.max(1, Math.ceil(box.h / size));
    return Array.from({ length: columns * rows }, (_, index) => ({
      x: box.x + ((index % columns) + 0.5) * (box.w / columns),
      y: box.y + (Math.floor(index / columns) + 0.5) * (box.h / rows),
    }));
  });
}
