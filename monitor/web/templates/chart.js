"use strict";

// The probability of each emotion over time, drawn by uPlot. A turn's probability holds for the whole turn; between two
// turns the line only leads the eye.

const DASHES = { angry: [], happy: [7, 3], neutral: [2, 3], sad: [8, 3, 2, 3] };

/** Times and one row of probabilities for each emotion: two points a turn, in order even where turns overlap. */
function stepped(turns, labels) {
  const columns = [[], ...labels.map(() => [])];
  let last = -1;
  for (const turn of turns) {
    for (const time of [turn.start, turn.end]) {
      last = Math.max(time, last);
      columns[0].push(last);
      turn.p.forEach((probability, place) => columns[place + 1].push(probability));
    }
  }
  return columns;
}

/** A colour of the style sheet, as it is in the present light. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draw columns into an element; `range` and `splits` say what part of the time is shown, and where its grid is. */
function emotionChart(plot, labels, columns, range, splits) {
  const grid = { stroke: () => colour("--edge"), width: 1 };
  const bare = { size: 0, gap: 0, values: (_, times) => times.map(() => ""), ticks: { show: false }, grid };
  return new uPlot({
    width: plot.clientWidth,
    height: plot.clientHeight,
    padding: [3, 0, 3, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false },
    scales: {
      x: { time: false, range },
      y: { range: [0, 1] },
    },
    axes: [{ ...bare, splits }, { ...bare, splits: () => [0, 0.5, 1] }],
    series: [{}, ...labels.map((label) => ({
      stroke: () => colour(`--${label}-line`),
      width: 2,
      dash: DASHES[label],
      points: { show: false },
    }))],
  }, columns, plot);
}
