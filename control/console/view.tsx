/** The screen as ink draws it. What stands where, and how wide it is, has been decided before (`screen.ts`). */
import { Box, Text } from "ink";
import { memo } from "react";
import type { Row, Tone } from "./row.ts";
import { GAP_TEXT } from "./dashboard.ts";
import type { Screen } from "./screen.ts";

interface Style {
  readonly color?: string;
  readonly bold?: boolean;
  readonly dimColor?: boolean;
}

const STYLES: Readonly<Record<Tone, Style>> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  title: { color: "cyan" },
  good: { color: "green" },
  warn: { color: "yellow" },
  bad: { color: "red", bold: true },
};

export function ScreenView({ screen }: { readonly screen: Screen }) {
  const { columns, top, left, leftColumns, right, bottom } = screen;
  return (
    <Box flexDirection="column" width={columns}>
      <Rows rows={top} columns={columns} />
      <Box flexDirection="row">
        <Rows rows={left} columns={leftColumns} />
        {right === null ? null : (
          <>
            <Gap height={left.length} />
            <Rows rows={right} columns={columns - leftColumns - GAP_TEXT.length} />
          </>
        )}
      </Box>
      <Rows rows={bottom} columns={columns} />
    </Box>
  );
}

function Rows({ rows, columns }: { readonly rows: readonly Row[]; readonly columns: number }) {
  return (
    <Box flexDirection="column" width={columns} flexShrink={0}>
      {rows.map((row, i) => <Line key={i} row={row} />)}
    </Box>
  );
}

const Gap = memo(function Gap({ height }: { readonly height: number }) {
  return (
    <Box flexDirection="column" width={GAP_TEXT.length} flexShrink={0}>
      {Array.from({ length: height }, (_, i) => <Text key={i} dimColor>{GAP_TEXT}</Text>)}
    </Box>
  );
});

/** An unchanged line is not rendered again. */
const Line = memo(
  function Line({ row }: { readonly row: Row }) {
    return (
      <Text wrap="truncate" {...(row.selected === true ? { bold: true } : {})}>
        {row.spans.map(({ text, tone }, i) => <Text key={i} {...STYLES[tone]}>{text}</Text>)}
      </Text>
    );
  },
  (before, after) => sameRow(before.row, after.row),
);

function sameRow(a: Row, b: Row): boolean {
  return a.selected === b.selected && a.spans.length === b.spans.length &&
    a.spans.every(({ text, tone }, i) => text === b.spans[i]!.text && tone === b.spans[i]!.tone);
}
