// Lays rows out as aligned lines of a given width. Pure: it knows no terminal and reads no clock.
// Invariant: no line is wider than asked, whatever the cells hold; columns are left out before numbers are cut.

import stringWidth from 'string-width';
import { cleanLabel } from '../stats/label.ts';

export interface Column<Row> {
  readonly head: string;
  readonly align: 'left' | 'right';
  /** Columns with the highest number are left out first; 0 is never left out. */
  readonly rank: number;
  /** Cells may be cut to this width; without it the column is never cut. */
  readonly narrowest?: number;
  /** Which end of a cell goes when it is cut; the end by default. */
  readonly cut?: CutSide;
  /** At least so wide, so that growing numbers do not move the columns beside them. */
  readonly room?: number;
  readonly text: (row: Row) => string;
  /** Colours a padded cell. It must not change its width. */
  readonly paint?: (cell: string, row: Row) => string;
}

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** Lines with the head; further rows become one line that counts them. */
  readonly maxLines: number;
  readonly paintHead?: (line: string) => string;
}

export type CutSide = 'start' | 'end';

const GAP = 2;
const CUT = '…';
const segmenter = new Intl.Segmenter();

/** The text cut to so many terminal columns. */
export function cutText(text: string, width: number, side: CutSide = 'end'): string {
  if (stringWidth(text) <= width) return text;
  if (width <= 0) return '';
  const segments = [...segmenter.segment(text)].map(({ segment }) => segment);
  if (side === 'start') segments.reverse();
  let kept = '';
  let used = 1;
  for (const segment of segments) {
    used += stringWidth(segment);
    if (used > width) break;
    kept = side === 'end' ? kept + segment : segment + kept;
  }
  return side === 'end' ? kept + CUT : CUT + kept;
}

/** The text cut or filled up to exactly so many terminal columns. */
export function fitText(text: string, width: number, align: 'left' | 'right'): string {
  const cut = cutText(text, width);
  const filling = ' '.repeat(Math.max(0, width - stringWidth(cut)));
  return align === 'left' ? cut + filling : filling + cut;
}

function fitCell<Row>({ column, width }: Draft<Row>, row: Row): string {
  return fitText(cutText(cleanLabel(column.text(row)), width, column.cut), width, column.align);
}

/** A head and one line per row. Without rows: the head alone. */
export function layoutTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): readonly string[] {
  const { width, maxLines, paintHead = (line) => line } = options;
  if (maxLines <= 0) return [];
  const isCut = rows.length > maxLines - 1;
  const shown = rows.slice(0, Math.max(0, isCut ? maxLines - 2 : rows.length));
  const drafts = columns.map((column) => draftColumn(column, rows));
  const kept = shrink(leaveOut(drafts, width), width);
  const head = kept.map(({ column, width: cell }) => fitText(column.head, cell, column.align)).join(' '.repeat(GAP));
  const lines = [paintHead(cutText(head.trimEnd(), width))];
  for (const row of shown) lines.push(layoutRow(kept, row, width));
  const left = rows.length - shown.length;
  if (left > 0 && maxLines > 1) lines.push(paintHead(cutText(`${CUT} and ${left} more`, width)));
  return lines;
}

interface Draft<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

/** As wide as its widest cell. All rows count, the hidden ones too: the columns stay when rows change places. */
function draftColumn<Row>(column: Column<Row>, rows: readonly Row[]): Draft<Row> {
  const widths = rows.map((row) => stringWidth(cleanLabel(column.text(row))));
  return { column, width: Math.max(stringWidth(column.head), column.room ?? 0, ...widths) };
}

function total<Row>(drafts: readonly Draft<Row>[], widthOf: (draft: Draft<Row>) => number): number {
  return drafts.reduce((sum, draft) => sum + widthOf(draft), GAP * Math.max(0, drafts.length - 1));
}

function narrowestOf<Row>({ column, width }: Draft<Row>): number {
  return Math.min(width, column.narrowest ?? width);
}

/** Without the columns for which there is no room even when all are as narrow as they may be. */
function leaveOut<Row>(drafts: readonly Draft<Row>[], width: number): readonly Draft<Row>[] {
  let kept = drafts;
  while (total(kept, narrowestOf) > width) {
    const worst = Math.max(...kept.map(({ column }) => column.rank));
    if (worst <= 0) break;
    kept = kept.filter(({ column }) => column.rank !== worst);
  }
  return kept;
}

/** Takes from the widest column that may be cut, until all fit. */
function shrink<Row>(drafts: readonly Draft<Row>[], width: number): readonly Draft<Row>[] {
  let kept = drafts;
  for (let over = total(kept, (draft) => draft.width) - width; over > 0; over -= 1) {
    const cuttable = kept.filter((draft) => draft.width > narrowestOf(draft));
    const widest = cuttable.reduce<Draft<Row> | null>(
      (best, draft) => (best === null || draft.width > best.width ? draft : best),
      null,
    );
    if (widest === null) break;
    kept = kept.map((draft) => (draft === widest ? { ...draft, width: draft.width - 1 } : draft));
  }
  return kept;
}

function layoutRow<Row>(drafts: readonly Draft<Row>[], row: Row, width: number): string {
  const cells = drafts.map((draft) => fitCell(draft, row));
  const gap = ' '.repeat(GAP);
  const plain = cells.join(gap);
  // Colours would be cut with the text: a line that does not fit stays plain.
  if (stringWidth(plain) > width) return cutText(plain, width);
  const line = drafts.map(({ column }, index) => paintCell(column, cells[index] ?? '', row)).join(gap);
  return line.trimEnd();
}

function paintCell<Row>(column: Column<Row>, cell: string, row: Row): string {
  return column.paint === undefined ? cell : column.paint(cell, row);
}
