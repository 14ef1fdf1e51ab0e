"use strict";
// Draws the page anew, part by part, when something that it shows has changed; the server writes every part.
(() => {
  const topics = document.body.dataset.topics.split(" ").filter(Boolean);
  const news = document.getElementById("news");
  const link = document.querySelector("[data-link]");
  let asking = false, again = false;

  const opened = (part) => [...part.querySelectorAll("details[open]")].map((each) => each.id).filter(Boolean);
  const place = (node) => node && node.id ? "#" + CSS.escape(node.id) : node && node.href ? `a[href="${CSS.escape(node.getAttribute("href"))}"]` : "";

  const replace = (old, fresh) => {
    const focused = old.contains(document.activeElement) ? place(document.activeElement) : "";
    const scrolled = [...old.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const open = opened(old);
    old.replaceWith(fresh);
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    [...fresh.querySelectorAll(".scroll")].forEach((each, i) => { each.scrollLeft = scrolled[i] || 0; });
    if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true });
    prepare(fresh);
  };

  const redraw = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const whole = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [mine, theirs] = [document.getElementById("main"), whole.getElementById("main")];
      const ids = (main) => [...main.children].map((each) => each.id);
      if (ids(mine).join() === ids(theirs).join()) {
        [...mine.children].forEach((old, i) => {
          const fresh = theirs.children[i].cloneNode(true);
          if (old.dataset.drawn ? old.dataset.drawn !== fresh.outerHTML : old.outerHTML !== fresh.outerHTML) replace(old, fresh);
        });
      } else {
        replace(mine, theirs.cloneNode(true));
      }
      document.body.dataset.every = whole.body.dataset.every;
    } catch { /* the stream says when the server is gone */ } finally {
      asking = false;
      if (again) { again = false; redraw(); }
    }
  };

  // a page that nobody sees listens to nothing: a browser has few connections to one server
  let stream = null;
  const listen = () => {
    stream = new EventSource("/changes");
    stream.onopen = () => { link.textContent = "live"; };
    stream.onerror = () => { link.textContent = "no connection"; };
    stream.onmessage = (message) => {
      const told = JSON.parse(message.data);
      const mine = Object.keys(told).filter((topic) => topic === "*" || topics.includes(topic));
      if (!mine.length) return;
      const sentence = mine.map((topic) => told[topic]).filter(Boolean).pop();
      if (sentence) news.textContent = sentence;
      redraw();
    };
  };
  const rest = () => { stream?.close(); stream = null; };
  const follow = () => {
    if (!document.hidden) listen();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) rest();
      else if (!stream) { listen(); redraw(); }
    });
    addEventListener("pagehide", rest);
    addEventListener("pageshow", (event) => { if (event.persisted && !stream) { listen(); redraw(); } });
  };

  let since = 0;
  const tick = () => {
    const every = Number(document.body.dataset.every);
    since += 1;
    if (every && since % every === 0 && !document.hidden) redraw();
    document.querySelectorAll("[data-since]").forEach((each) => {
      const spent = Math.max(0, Math.floor((Date.now() - Date.parse(each.dataset.since)) / 1000));
      const [hours, minutes, seconds] = [Math.floor(spent / 3600), Math.floor(spent / 60) % 60, spent % 60];
      each.textContent = hours ? `${hours}h${minutes}m` : minutes ? `${minutes}m${seconds}s` : `${seconds}s`;
    });
  };

  // a row of a table and the line of the same name in the charts
  const point = (name) => {
    document.querySelectorAll("[data-name]").forEach((each) => each.classList.toggle("lit", name !== "" && each.dataset.name === name));
    document.querySelectorAll("svg.chart").forEach((each) => each.classList.toggle("pointing", name !== "" && !!each.querySelector(".lit")));
  };
  const named = (event) => event.target.closest?.("[data-name]")?.dataset.name || "";
  document.addEventListener("mouseover", (event) => point(named(event)));
  document.addEventListener("focusin", (event) => point(named(event)));

  const sort = (table, column, button) => {
    const heads = [...table.tHead.rows[0].cells], head = heads[column];
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => row.cells[column].textContent.trim();
    const number = (text) => Number.parseFloat(text.replaceAll(",", ""));
    const rows = [...table.tBodies[0].rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)], [x, y] = [number(a), number(b)];
      const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
      return up ? order : -order;
    });
    table.tBodies[0].append(...rows);
    button.focus();
  };

  const prepare = (part) => {
    part.querySelectorAll("table[data-sortable]").forEach((table) => {
      const section = table.closest("main > *");
      if (section) section.dataset.drawn = section.outerHTML;
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => sort(table, column, button));
      });
    });
    part.querySelectorAll("tbody tr[data-name]").forEach((row) => { row.tabIndex = 0; });
  };

  const logs = () => {
    const log = document.querySelector("[data-lines]");
    if (!log) return;
    const state = document.querySelector("[data-log-state]");
    const stream = new EventSource(log.dataset.lines);
    state.textContent = "following";
    stream.onmessage = (message) => {
      const below = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      log.append(JSON.parse(message.data) + "\n");
      while (log.childNodes.length > 5000) log.firstChild.remove();
      if (below) log.scrollTop = log.scrollHeight;
    };
    stream.addEventListener("end", (message) => { state.textContent = JSON.parse(message.data) || "that is all"; stream.close(); });
    stream.onerror = () => { state.textContent = "no lines: the server does not answer, or too many logs are followed"; stream.close(); };
    addEventListener("pagehide", () => stream.close());
  };

  prepare(document.getElementById("main"));
  logs();
  if (topics.length || Number(document.body.dataset.every)) follow();
  setInterval(tick, 1000);
})();
