// Keeps the overview fresh: asks what has changed since its cursor, and puts those rows in.
// Rows come made by the server, which shows all names as text; nothing here makes markup.
"use strict";
(() => {
  const live = document.getElementById("live");
  const box = document.querySelector(".livebox");
  const word = document.getElementById("live-state");
  const button = document.getElementById("live-button");
  if (!live || !box) return;
  const PAUSE_MS = 600, SHOWN = 50;
  let cursor = Number(live.dataset.cursor), held = false, timer = 0;

  const say = (text, tone) => {
    if (word.textContent !== text) word.textContent = text;
    box.dataset.tone = tone;
  };
  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  };
  const swap = (id, row, put) => {
    const before = document.getElementById(id);
    row.classList.add("new");
    if (!before) return put(row);
    const focused = before.contains(document.activeElement);
    before.replaceWith(row);
    if (focused) row.querySelector("a")?.focus();
  };

  // The order of the accounts, and which there are, is the server's to say.
  const arrange = (accounts, order) => {
    const shown = [...accounts.rows].map((row) => row.id.slice("account-".length));
    if (order.join() === shown.join()) return;
    for (const row of [...accounts.rows]) if (!order.includes(row.id.slice("account-".length))) row.remove();
    for (const name of order) {
      const row = document.getElementById("account-" + name);
      if (row) accounts.append(row);
    }
  };

  const show = (news) => {
    const accounts = live.querySelector("[data-accounts]"), calls = live.querySelector("[data-calls]");
    if (news.reload || (!accounts && news.order?.length)) {
      location.reload();
      return;
    }
    cursor = news.cursor;
    if (!news.summary) return;
    document.getElementById("summary").innerHTML = news.summary;
    if (!accounts) return;
    for (const [name, html] of news.accounts) swap("account-" + name, made(html), (row) => accounts.append(row));
    arrange(accounts, news.order);
    for (const [id, html] of news.calls) swap("call-" + id, made(html), (row) => calls.prepend(row));
    while (calls.rows.length > SHOWN) calls.rows[calls.rows.length - 1].remove();
    if (calls.rows.length) document.getElementById("nocalls").hidden = true;
    if (news.denials !== null) document.getElementById("denials").innerHTML = news.denials;
  };

  const look = async () => {
    try {
      const answer = await fetch("/dashboard/live?after=" + cursor, { headers: { Accept: "application/json" } });
      if (answer.status === 401) {
        say("Signed out: run aex dashboard", "bad");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json());
      say("Live", "good");
    } catch {
      say("The gateway does not answer; trying on", "bad");
    }
    next();
  };
  const next = () => {
    clearTimeout(timer);
    if (!held && !document.hidden) timer = setTimeout(look, PAUSE_MS);
  };

  button.addEventListener("click", () => {
    held = !held;
    button.setAttribute("aria-pressed", String(held));
    button.textContent = held ? "Go on" : "Hold";
    say(held ? "Held" : "Live", held ? "plain" : "good");
    next();
  });
  document.addEventListener("visibilitychange", next);
  box.hidden = false;
  say("Live", "good");
  next();
})();
