// Draws each chart from the table beneath it, so that both always say the same. Without this file the tables are still there.
(function () {
  "use strict";
  if (!window.Chart) { return; }
  var charts = [];
  function color(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#333"; }
  function read(table) {
    var columns = [].map.call(table.querySelectorAll("thead [data-column]"), function (th) { return { code: th.dataset.column, name: th.textContent.trim() }; });
    var rows = [].map.call(table.querySelectorAll("tbody tr"), function (tr) {
      var cells = tr.querySelectorAll("td[data-v]"), values = {}, shown = {};
      columns.forEach(function (column, i) {
        var cell = cells[i];
        values[column.code] = cell && cell.dataset.v !== "" ? Number(cell.dataset.v) : null;
        shown[column.code] = cell ? cell.textContent.trim() : "";
      });
      var head = tr.querySelector("th"), tag = head.querySelector(".tag");
      return { label: (head.dataset.short || head.firstChild.textContent.trim()) + (tag ? " ⚠" : ""), values: values, shown: shown };
    });
    return { columns: columns, rows: rows };
  }
  function median(values) {
    var known = values.filter(function (v) { return v !== null; }).sort(function (a, b) { return a - b; });
    if (!known.length) { return null; }
    var half = Math.floor(known.length / 2);
    return known.length % 2 ? known[half] : (known[half - 1] + known[half]) / 2;
  }
  // Whiskers of the 95 % interval, on bars and on points.
  var whiskers = {
    id: "whiskers",
    afterDatasetsDraw: function (chart) {
      var rows = chart.options.plugins.whiskers.rows;
      if (!rows) { return; }
      var flat = chart.options.indexAxis === "y", scale = flat ? chart.scales.x : chart.scales.y, ctx = chart.ctx;
      ctx.save();
      ctx.strokeStyle = color("--ink");
      ctx.lineWidth = 1.5;
      rows.forEach(function (row, i) {
        var point = chart.getDatasetMeta(0).data[i];
        if (!point || row.values.low === null || row.values.low === undefined) { return; }
        var a = scale.getPixelForValue(row.values.low), b = scale.getPixelForValue(row.values.high), x = point.x, y = point.y;
        ctx.beginPath();
        if (flat) { ctx.moveTo(a, y); ctx.lineTo(b, y); ctx.moveTo(a, y - 5); ctx.lineTo(a, y + 5); ctx.moveTo(b, y - 5); ctx.lineTo(b, y + 5); }
        else { ctx.moveTo(x, a); ctx.lineTo(x, b); ctx.moveTo(x - 4, a); ctx.lineTo(x + 4, a); ctx.moveTo(x - 4, b); ctx.lineTo(x + 4, b); }
        ctx.stroke();
      });
      ctx.restore();
    }
  };
  // A line at the agreed bar across a bar chart.
  var bar = {
    id: "bar",
    afterDatasetsDraw: function (chart) {
      var at = chart.options.plugins.bar.at;
      if (at === null || at === undefined) { return; }
      var x = chart.scales.x.getPixelForValue(at), area = chart.chartArea, ctx = chart.ctx;
      ctx.save();
      ctx.strokeStyle = color("--stop-ink");
      ctx.setLineDash([6, 4]);
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.moveTo(x, area.top);
      ctx.lineTo(x, area.bottom);
      ctx.stroke();
      ctx.restore();
    }
  };
  // Hatching, so that parts are told apart without their colour.
  function hatched(paint, kind) {
    var tile = document.createElement("canvas"), ctx = tile.getContext("2d");
    tile.width = tile.height = 8;
    ctx.fillStyle = paint;
    ctx.fillRect(0, 0, 8, 8);
    ctx.strokeStyle = color("--paper");
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    if (kind === 1 || kind === 4) { ctx.moveTo(0, 8); ctx.lineTo(8, 0); }
    if (kind === 2 || kind === 4) { ctx.moveTo(0, 0); ctx.lineTo(8, 8); }
    if (kind === 3) { ctx.moveTo(0, 4); ctx.lineTo(8, 4); }
    ctx.stroke();
    return ctx.createPattern(tile, "repeat");
  }
  function draw(canvas) {
    var table = document.getElementById(canvas.dataset.table), found = read(table), kind = canvas.dataset.chart;
    var drawn = canvas.dataset.drawn.split(" "), labels = found.rows.map(function (row) { return row.label; });
    var target = canvas.dataset.target ? Number(canvas.dataset.target) : null;
    var ink = color("--ink"), line = color("--line"), main = color("--link");
    var paints = [color("--ok-ink"), color("--link"), color("--warn-ink"), color("--faint"), color("--stop-ink")];
    function name(code) { return found.columns.filter(function (column) { return column.code === code; })[0].name; }
    function values(code) { return found.rows.map(function (row) { return row.values[code]; }); }
    var sets = drawn.map(function (code, i) {
      var paint = kind === "stack" ? hatched(paints[i % paints.length], i % 5) : drawn.length > 1 ? hatched([main, color("--warn-ink")][i % 2], i) : main;
      return { label: name(code), data: values(code), code: code, borderColor: kind === "run" ? main : ink, backgroundColor: kind === "run" ? main : paint, borderWidth: kind === "run" ? 2 : 1, pointRadius: 5, spanGaps: false, tension: 0 };
    });
    if (kind === "run") {
      var middle = median(values(drawn[0]));
      if (middle !== null) { sets.push({ label: canvas.dataset.medianLabel, data: labels.map(function () { return middle; }), borderColor: color("--faint"), borderDash: [2, 3], borderWidth: 2, pointRadius: 0, pointStyle: "line" }); }
      if (target !== null) { sets.push({ label: canvas.dataset.targetLabel, data: labels.map(function () { return target; }), borderColor: color("--stop-ink"), borderDash: [8, 4], borderWidth: 2, pointRadius: 0, pointStyle: "line" }); }
    }
    var percent = drawn[0] === "percent" && found.rows.some(function (row) { return row.values.low !== undefined; }), flat = kind === "bars", axis = { beginAtZero: !(kind === "run" && percent && target !== null), ticks: { color: ink }, grid: { color: line }, stacked: kind === "stack" };
    if (percent) { axis.max = 100; }
    if (percent && target === null) { delete axis.max; }
    // The whole of every interval is in the picture.
    var highs = values("high").filter(function (v) { return v !== null && v !== undefined; }), lows = values("low").filter(function (v) { return v !== null && v !== undefined; });
    if (drawn.length === 1 && highs.length) { axis.suggestedMax = Math.max.apply(null, highs); axis.suggestedMin = axis.beginAtZero ? 0 : Math.min.apply(null, lows); }
    var names = { ticks: { color: ink, autoSkip: !flat, callback: function (value) { var text = this.getLabelForValue(value); return flat && text.length > 34 ? text.slice(0, 33) + "…" : text; } }, grid: { display: false }, stacked: kind === "stack" };
    return new window.Chart(canvas, {
      type: kind === "run" ? "line" : "bar",
      data: { labels: labels, datasets: sets },
      plugins: [whiskers, bar],
      options: {
        locale: document.documentElement.lang, indexAxis: flat ? "y" : "x", animation: false, responsive: true, maintainAspectRatio: false, color: ink,
        scales: flat ? { x: axis, y: names } : { x: names, y: axis },
        plugins: {
          whiskers: { rows: drawn.length === 1 && found.rows.some(function (row) { return row.values.low !== undefined; }) ? found.rows : null },
          bar: { at: flat ? target : null },
          legend: { display: kind !== "bars" || drawn.length > 1, labels: { color: ink, usePointStyle: kind === "run" } },
          tooltip: { callbacks: { label: function (item) { var code = item.dataset.code, row = found.rows[item.dataIndex]; return item.dataset.label + ": " + (code ? row.shown[code] : item.formattedValue); } } }
        }
      }
    });
  }
  function all() {
    charts.forEach(function (chart) { chart.destroy(); });
    charts = [].map.call(document.querySelectorAll("canvas[data-chart]"), draw);
    document.body.dataset.charts = String(charts.length);
  }
  all();
  // Another theme has other colours.
  new MutationObserver(all).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
})();
