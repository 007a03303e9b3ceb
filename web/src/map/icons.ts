// Icons are drawn here, at twice the size, so that nothing is fetched and every screen has them sharp.
import { COLOUR, SHAPES, type Priority } from '../lib/priority';
import type { Colour } from './colours';

const RATIO = 2;
const FONT = '"Inter Variable", sans-serif';
const SENSOR_PX = 15;
const ABNORMAL_PX = 24;

function canvas(width: number, height = width): CanvasRenderingContext2D {
  const element = document.createElement('canvas');
  element.width = width * RATIO;
  element.height = height * RATIO;
  const context = element.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser draws no canvas');
  context.scale(RATIO, RATIO);
  context.lineJoin = 'round';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  return context;
}

const data = (context: CanvasRenderingContext2D): ImageData =>
  context.getImageData(0, 0, context.canvas.width, context.canvas.height);

function tracePriority(
  context: CanvasRenderingContext2D,
  priority: Priority,
  size: number,
  margin: number,
): void {
  const scale = (size - 2 * margin) / 100;
  context.beginPath();
  if (priority === 4) context.arc(size / 2, size / 2, 46 * scale, 0, 2 * Math.PI);
  else
    for (const pair of SHAPES[priority].points.split(' ')) {
      const [x = 0, y = 0] = pair.split(',').map(Number);
      context.lineTo(margin + x * scale, margin + y * scale);
    }
  context.closePath();
}

function abnormalSensor(letter: string, priority: Priority, colour: Colour): ImageData {
  const context = canvas(ABNORMAL_PX);
  tracePriority(context, priority, ABNORMAL_PX, 1.5);
  context.lineWidth = 3;
  context.strokeStyle = colour('--ink');
  context.stroke();
  context.fillStyle = colour(COLOUR[priority]);
  context.fill();
  context.fillStyle = colour('--ink');
  context.font = `700 ${letter.length > 1 ? 9 : 11}px ${FONT}`;
  const drop = priority === 2 ? 3 : 0;
  context.fillText(letter, ABNORMAL_PX / 2, ABNORMAL_PX / 2 + 0.5 + drop);
  return data(context);
}

function plainSensor(letter: string, state: string, colour: Colour): ImageData {
  const size = SENSOR_PX + 3;
  const context = canvas(size);
  const middle = size / 2;
  context.beginPath();
  context.arc(middle, middle, SENSOR_PX / 2, 0, 2 * Math.PI);
  context.fillStyle = colour('--bg-1');
  context.fill();
  context.strokeStyle = colour(state === 'normal' ? '--control' : '--text-2');
  context.lineWidth = 1.3;
  if (state === 'stale') context.setLineDash([2.5, 2]);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colour('--text-2');
  context.font = `600 ${letter.length > 1 ? 7 : 9}px ${FONT}`;
  context.fillText(letter, middle, middle + 0.5);
  if (state === 'gone') {
    context.beginPath();
    context.moveTo(2, size - 2);
    context.lineTo(size - 2, 2);
    context.strokeStyle = colour('--text-1');
    context.stroke();
  }
  return data(context);
}

export function sensorImage(id: string, colour: Colour): ImageData {
  const [, letter = '?', state = 'normal'] = id.split('|');
  const priority = /^p([1-4])$/.exec(state)?.[1];
  return priority
    ? abnormalSensor(letter, Number(priority) as Priority, colour)
    : plainSensor(letter, state, colour);
}

/** 45 degree strokes that repeat without a seam. */
export function hatchImage(colour: Colour): ImageData {
  const size = 12;
  const context = canvas(size);
  context.strokeStyle = colour('--p1-critical');
  context.globalAlpha = 0.75;
  context.lineWidth = 1.4;
  for (const shift of [-size, 0, size]) {
    context.beginPath();
    context.moveTo(shift - 1, size + 1);
    context.lineTo(shift + size + 1, -1);
    context.stroke();
  }
  return data(context);
}

export function chevronImage(colour: Colour): ImageData {
  const context = canvas(10);
  context.beginPath();
  context.moveTo(3, 1.8);
  context.lineTo(7, 5);
  context.lineTo(3, 8.2);
  context.strokeStyle = colour('--ink');
  context.lineWidth = 1.8;
  context.lineCap = 'round';
  context.stroke();
  return data(context);
}

/** The head of a route, pointing north. */
export function arrowImage(colour: Colour): ImageData {
  const context = canvas(18);
  context.beginPath();
  context.moveTo(9, 2);
  context.lineTo(16, 14);
  context.lineTo(2, 14);
  context.closePath();
  context.lineWidth = 2.5;
  context.strokeStyle = colour('--ink');
  context.stroke();
  context.fillStyle = colour('--route');
  context.fill();
  return data(context);
}

/** A tile of nothing. */
export const clearImage = (): ImageData => data(canvas(22));

export const IMAGE_OPTIONS = { pixelRatio: RATIO } as const;
