// What scripts add to the pages: charts that can be zoomed. Without this, the drawing and the table are there as they are.
(() => {
  'use strict';

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function chart(figure) {
    const data = JSON.parse(figure.dataset.chart);
    const drawing = figure.querySelector('svg');
    if (!drawing || data.days.length < 2) return;
    const holder = document.createElement('div');
    holder.className = 'zoom';
    // A drawing says the same to whoever does not see it, and the table below has the numbers.
    holder.setAttribute('aria-hidden', 'true');
    drawing.before(holder);
    figure.classList.add('zoomable');
    const width = () => Math.max(240, Math.floor(figure.clientWidth));
    let plot = drawn(data, width(), holder);
    addEventListener('resize', () => plot.setSize({ width: width(), height: 240 }));
    // Its inks are those of the scheme that it was drawn in.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      plot.destroy();
      plot = drawn(data, width(), holder);
    });
    const hint = document.createElement('p');
    hint.className = 'foot';
    hint.textContent = 'Drag across days to look closer; double-click to see all of them.';
    figure.append(hint);
  }

  function drawn(data, width, holder) {
    const days = data.days.map((day) => Date.parse(day + 'T00:00:00Z') / 1000);
    const money = (amount) => data.prefix + amount.toLocaleString('en-US', { maximumFractionDigits: amount < 100 ? 2 : 0 });
    const ink = style('--ink') || '#000';
    const rule = style('--rule') || '#ccc';
    const inks = ['--c-compute', '--gain', '--muted', '--loss'].map((name) => style(name) || ink);
    const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 } };
    const lines = data.series.map((series, n) => ({
      label: series.name,
      stroke: inks[n % inks.length],
      fill: data.bars ? inks[n % inks.length] : undefined,
      width: data.bars ? 0 : 2,
      dash: n > 2 ? [6, 4] : undefined,
      paths: data.bars ? uPlot.paths.bars({ size: [0.8, 64] }) : undefined,
      points: { show: !data.bars },
      value: (_, amount) => (amount === null || amount === undefined ? '–' : money(amount)),
    }));
    return new uPlot({
      width,
      height: 240,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      scales: { x: { time: true }, y: { range: (_, least, most) => [Math.min(0, least), most > 0 ? most * 1.05 : 1] } },
      axes: [axis, { ...axis, size: 90, values: (_, amounts) => amounts.map(money) }],
      series: [{ label: 'Day', value: (_, seconds) => (seconds ? new Date(seconds * 1000).toISOString().slice(0, 10) : '–') }, ...lines],
      legend: { live: true },
      cursor: { drag: { x: true, y: false } },
    }, [days, ...data.series.map((series) => series.values)], holder);
  }

  function start(root) {
    if (typeof uPlot === 'undefined') return;
    root.querySelectorAll('figure[data-chart]:not(.zoomable)').forEach(chart);
  }

  document.addEventListener('DOMContentLoaded', () => start(document));
  document.addEventListener('htmx:afterSwap', (event) => start(event.target));
})();
