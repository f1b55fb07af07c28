"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const pairs = content.pairs;
  const slot = "kandinsky-judge " + content.page;
  const zooms = [1, 2, 4, 8];
  const at = (id) => document.getElementById(id);
  let state = { voter: { id: newId(), name: "" }, votes: [], saved: 0 };
  let keeps = true;
  let zoom = 0;
  let since = performance.now();

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
  }

  // A stored state counts only as far as it fits this page: votes stand in the order of the pairs.
  function restored() {
    let text = null;
    try {
      text = localStorage.getItem(slot);
    } catch (error) {
      keeps = false;
    }
    if (!text) return;
    try {
      const found = JSON.parse(text);
      const votes = [];
      for (const vote of found.votes) {
        if (votes.length >= pairs.length || vote.pair !== pairs[votes.length].id) break;
        if (!["left", "right", "tie"].includes(vote.choice)) break;
        votes.push({ pair: vote.pair, choice: vote.choice, seconds: Number(vote.seconds) || 0 });
      }
      const id = /^[0-9a-f]{16}$/.test(found.voter.id) ? found.voter.id : state.voter.id;
      state = { voter: { id: id, name: String(found.voter.name || "").slice(0, 60) }, votes: votes, saved: Number(found.saved) || 0 };
    } catch (error) {
      console.warn("stored votes could not be read: " + error);
    }
  }

  function kept() {
    try {
      localStorage.setItem(slot, JSON.stringify(state));
    } catch (error) {
      keeps = false;
    }
    at("notice").hidden = keeps;
    at("notice").textContent = keeps ? "" : "This browser keeps no votes for the page: save them before you close it.";
  }

  function show() {
    const count = state.votes.length;
    const over = count >= pairs.length;
    at("bar").value = count;
    at("progress").textContent = over ? pairs.length + " of " + pairs.length + " judged" : "Pair " + (count + 1) + " of " + pairs.length;
    at("pair").hidden = over;
    at("done").hidden = !over;
    at("undo").disabled = count === 0;
    at("zoom").disabled = over;
    if (over) {
      at("done").focus();
      return;
    }
    const pair = pairs[count];
    at("prompt").textContent = pair.prompt || "(no text)";
    at("negative").textContent = "Not wanted: " + pair.negative;
    at("negative").hidden = !pair.negative;
    at("left").src = content.pictures[pair.left];
    at("right").src = content.pictures[pair.right];
    at("starts").replaceChildren(...pair.starts.map(start));
    at("starts").hidden = pair.starts.length === 0;
    for (const side of ["left", "right"]) look(at("frame-" + side), 0.5, 0.5);
    since = performance.now();
  }

  function start(thing) {
    const figure = document.createElement("figure");
    const what = document.createElement("picture" in thing ? "img" : "blockquote");
    if ("picture" in thing) {
      what.src = content.pictures[thing.picture];
      what.alt = thing.label;
    } else {
      what.textContent = thing.text;
    }
    const caption = document.createElement("figcaption");
    caption.textContent = thing.label;
    figure.append(what, caption);
    return figure;
  }

  function vote(choice) {
    const count = state.votes.length;
    if (count >= pairs.length) return;
    const seconds = Math.min(3600, Math.round((performance.now() - since) / 100) / 10);
    state.votes.push({ pair: pairs[count].id, choice: choice, seconds: seconds });
    kept();
    show();
  }

  function undo() {
    if (state.votes.length === 0) return;
    state.votes.pop();
    kept();
    show();
  }

  function magnify() {
    zoom = (zoom + 1) % zooms.length;
    at("zoom-text").textContent = zooms[zoom] + "×";
    for (const side of ["left", "right"]) {
      const frame = at("frame-" + side);
      const x = (frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth;
      const y = (frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight;
      frame.dataset.zoom = String(zooms[zoom]);
      look(frame, x, y);
    }
  }

  // Shares of a picture's width and height that come to the middle of its frame.
  function look(frame, x, y) {
    frame.scrollTo(x * frame.scrollWidth - frame.clientWidth / 2, y * frame.scrollHeight - frame.clientHeight / 2);
  }

  // Both pictures are looked at in the same place.
  function follow(from, to) {
    at(from).addEventListener("scroll", () => {
      if (at(to).scrollTop !== at(from).scrollTop) at(to).scrollTop = at(from).scrollTop;
      if (at(to).scrollLeft !== at(from).scrollLeft) at(to).scrollLeft = at(from).scrollLeft;
    });
  }

  // One vote stands on one line, so that a fault in the file can be told by its line.
  function save() {
    const head = { format: content.format, version: content.version, page: content.page, voter: state.voter, saved_ms: Date.now() };
    const lines = state.votes.map((one) => JSON.stringify(one)).join(",\n");
    const text = JSON.stringify(head).slice(0, -1) + ',"votes":[\n' + lines + "\n]}\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "votes-" + content.page + "-" + state.voter.id.slice(0, 4) + ".json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    state.saved = state.votes.length;
    kept();
  }

  function pressed(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLInputElement) return;
    const acts = { 1: () => vote("left"), 2: () => vote("right"), 0: () => vote("tie"), t: () => vote("tie"), u: undo, backspace: undo, z: magnify };
    const act = acts[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  }

  restored();
  at("voter").value = state.voter.name;
  at("voter").addEventListener("input", () => {
    state.voter.name = at("voter").value.trim();
    kept();
  });
  at("vote-left").addEventListener("click", () => vote("left"));
  at("vote-right").addEventListener("click", () => vote("right"));
  at("vote-tie").addEventListener("click", () => vote("tie"));
  at("undo").addEventListener("click", undo);
  at("zoom").addEventListener("click", magnify);
  at("save").addEventListener("click", save);
  at("left").addEventListener("click", magnify);
  at("right").addEventListener("click", magnify);
  follow("frame-left", "frame-right");
  follow("frame-right", "frame-left");
  document.addEventListener("keydown", pressed);
  window.addEventListener("storage", (event) => {
    if (event.key !== slot) return;
    restored();
    show();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!keeps && state.votes.length > state.saved) event.preventDefault();
  });
  kept();
  show();
})();
