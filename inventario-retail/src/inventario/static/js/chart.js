// Draws the stock of a product over time from the table beside it, so that the picture and the numbers cannot differ.

const DAY = 86_400;

export function draw(box, table) {
  const colors = ["--accent", "--focus", "--warn", "--bad"].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  const text = getComputedStyle(box).color;
  const line = getComputedStyle(document.documentElement).getPropertyValue("--line").trim();
  const language = document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
  const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].reverse();
  const data = [
    rows.map((row) => Date.parse(`${row.cells[0].dataset.day}T00:00:00Z`) / 1000),
    ...names.map((_, index) => rows.map((row) => (row.cells[index + 1].dataset.value === "" ? null : Number(row.cells[index + 1].dataset.value)))),
  ];
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui" };
  const options = {
    width: box.clientWidth,
    height: 240,
    tzDate: (seconds) => globalThis.uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, space: 70, values: (_, ticks) => ticks.map((tick) => day.format(tick * 1000)), incrs: [DAY, 7 * DAY, 14 * DAY, 30 * DAY] },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => number.format(tick)) },
    ],
    series: [
      { label: table.tHead.rows[0].cells[0].textContent.trim(), value: (_, at) => (at === null ? "–" : day.format(at * 1000)) },
      ...names.map((label, index) => ({
        label,
        stroke: colors[index % colors.length],
        width: 2,
        fill: names.length === 1 ? `${colors[0]}22` : undefined,
        paths: globalThis.uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        value: (_, value) => (value === null ? "–" : number.format(value)),
      })),
    ],
  };
  const plot = new globalThis.uPlot(options, data, box);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: 240 })).observe(box);
}

const box = document.getElementById("stock-chart");
if (box) draw(box, document.getElementById("stock-table"));
