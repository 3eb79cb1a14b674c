/* Joins byleaveLog to the page around it. Writes text only, never markup. What is shown stands in
   the address after `#`, so that it can be kept and sent. Fetches from the one log that the page was
   made for, and only when asked to; without one, nothing. */
"use strict";
(function () {
  const form = document.getElementById("log-form");
  if (!form || !globalThis.byleaveLog) return;
  const words = JSON.parse(form.dataset.words);
  const ROWS = 50;
  const { Refused } = globalThis.byleaveVerify.internals;
  const result = document.getElementById("log-result");
  const explorer = document.getElementById("explorer");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  let log = null;
  let turn = 0;

  const fill = (text, places) => text.replace(/\{(\w+)\}/g, (_, name) => places[name]);
  const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const element = (name, content, className) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content === undefined) return made;
    for (const item of [content].flat()) made.append(item);
    return made;
  };
  const link = (text, hash, className) => {
    const made = element("a", text, className);
    made.href = `#${hash}`;
    return made;
  };
  const pairs = (rows) => {
    const list = element("dl", undefined, "pairs");
    for (const [name, value] of rows) list.append(element("dt", name), element("dd", value));
    return list;
  };
  const means = (kind) => words[`kind-${kind}`] || kind;

  // --- where the files are ---------------------------------------------------------------------

  const tooLong = () => {
    throw new Refused("a file is longer than any of its kind", "log.tile-damaged");
  };
  /** Read from chosen files: the folder that holds `checkpoint`, nearest to the top. */
  const fromFiles = (files) => {
    const depth = (path) => path.split("/").length;
    const paths = new Map(files.map((file) => [file.webkitRelativePath || file.name, file]));
    const heads = [...paths.keys()].filter((path) => /(^|\/)checkpoint$/.test(path));
    heads.sort((a, b) => depth(a) - depth(b));
    const above = heads.length ? heads[0].slice(0, -"checkpoint".length) : "";
    return async (path, most) => {
      const file = paths.get(above + path);
      if (!file) return null;
      if (file.size > most) tooLong();
      return new Uint8Array(await file.arrayBuffer());
    };
  };
  const fromSite = (address) => async (path, most) => {
    const answer = await fetch(`${address}/${path}`, { credentials: "omit", referrerPolicy: "no-referrer" });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${address}/${path}: ${answer.status}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (bytes.length > most) tooLong();
    return bytes;
  };
  const trustOf = async () => {
    const pasted = form.elements.logpasted.value.replaceAll("\r\n", "\n");
    if (pasted.trim()) return new TextEncoder().encode(pasted.endsWith("\n") ? pasted : `${pasted}\n`);
    const [file] = form.elements.logtrust.files;
    return file ? new Uint8Array(await file.arrayBuffer()) : null;
  };

  // --- checking the log ------------------------------------------------------------------------

  const say = (title, text, className) => {
    const box = element("div", undefined, `card ${className}`);
    box.append(element("h3", title));
    if (text) box.append(element("p", text));
    result.replaceChildren(box);
    return box;
  };
  const stand = (at) =>
    pairs([
      [words.origin, at.origin],
      [words.size, number(at.size)],
      [words.root, element("code", at.root, "digest")],
      [words.witnesses, at.witnesses.length ? at.witnesses.join(", ") : words.nobody],
      ...(at.newest === null ? [] : [[words.newest, new Date(Number(at.newest) * 1000).toISOString()]]),
    ]);
  const tellProblems = ({ problems, at }) => {
    const isOpen = problems.every(({ code }) => ["note.ml-dsa-missing", "log.too-long"].includes(code));
    const box = say(isOpen ? words.unchecked : words.no, "", "is-late");
    if (at) box.append(stand(at));
    const list = element("ol", undefined, "checks");
    for (const { where, message, code } of problems)
      list.append(element("li", [element("strong", where), ` ${message} `, element("code", code)]));
    box.append(list);
  };
  const open = async (read) => {
    const mine = ++turn;
    log = null;
    explorer.hidden = true;
    const bar = element("progress");
    bar.setAttribute("aria-label", words.working);
    result.replaceChildren(element("p", words.working), bar);
    try {
      const trust = await trustOf();
      if (trust === null) {
        say(words.missing, words.notrust, "");
        return;
      }
      const found = await globalThis.byleaveLog.open(read, trust, (done, all) => {
        bar.max = all;
        bar.value = done;
      });
      if (mine !== turn) return;
      if (found.log === null) {
        tellProblems(found);
        return;
      }
      log = found.log;
      const box = say(words.yes, fill(words.holds, { size: number(log.size) }), "is-good");
      box.append(stand(log), element("p", words.limits, "limits"));
      const any = search.elements.kind.options[0];
      search.elements.kind.replaceChildren(any);
      const counts = new Array(log.kinds.length).fill(0);
      for (const kind of log.kindOf) counts[kind]++;
      for (const kind of [...log.kinds].sort()) {
        const option = element("option", `${kind} (${number(counts[log.kinds.indexOf(kind)])})`);
        option.value = kind;
        search.elements.kind.append(option);
      }
      explorer.hidden = false;
      await show();
    } catch (error) {
      if (mine === turn) say(words.fault, error instanceof Error ? error.message : String(error), "is-late");
    }
  };

  // --- reading it ------------------------------------------------------------------------------

  const address = (asked) => {
    const kept = Object.entries(asked).filter(([, value]) => value !== null && value !== "");
    return new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  };
  const asked = () => {
    const found = new URLSearchParams(location.hash.slice(1));
    const index = (name) => (/^\d{1,15}$/.test(found.get(name) || "") ? Number(found.get(name)) : null);
    return {
      entry: index("entry"),
      before: index("before"),
      kind: found.get("kind") || null,
      find: found.get("find") || null,
    };
  };
  const showPart = async (want, mine) => {
    const waiting = element("p", words.searching, "quiet");
    shown.replaceChildren(waiting);
    let since = performance.now();
    const step = async () => {
      if (performance.now() - since < 25) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
      since = performance.now();
      if (mine !== turn) throw new Error("another search was begun");
    };
    const { lines, older } = await log.part({ ...want, count: ROWS, step });
    if (mine !== turn) return;
    const title = element("h3", words.entries);
    if (!lines.length) {
      shown.replaceChildren(title, element("p", words.none), element("p", words.absence, "limits"));
      return;
    }
    const table = element("table");
    const head = element("tr");
    for (const name of ["index", "kind", "means", "leaf"]) {
      const cell = element("th", words[name]);
      cell.scope = "col";
      head.append(cell);
    }
    const body = element("tbody");
    for (const { index, kind, leaf } of lines)
      body.append(
        element("tr", [
          element("td", link(number(index), address({ entry: index })), "number"),
          element("td", kind),
          element("td", means(kind)),
          element("td", element("code", `${leaf.slice(0, 12)}…`)),
        ]),
      );
    table.append(element("thead", head), body);
    const scroll = element("div", table, "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", words.entries);
    const pager = element("p", undefined, "pager");
    const { kind, find } = want;
    if (want.before !== null) pager.append(link(words.newestentries, address({ kind, find }) || "log", "button"));
    if (older !== null) pager.append(link(words.older, address({ kind, find, before: older }), "button"));
    shown.replaceChildren(title, scroll, pager);
  };
  const POINTERS = new Set(words.pointers);
  const showEntry = async (index, mine) => {
    if (index >= log.size) {
      shown.replaceChildren(element("p", fill(words.nosuch, { size: number(log.size) })));
      return;
    }
    const { kind, fields, bytes, leaf } = await log.entry(index);
    if (mine !== turn) return;
    const value = (name) => {
      const found = fields[name];
      if (POINTERS.has(name) && Number.isInteger(found) && found < index)
        return link(fill(words.entry, { index: found }), address({ entry: found }));
      return element("code", typeof found === "string" ? found : JSON.stringify(found), "digest");
    };
    const proof = log.proof(index);
    const save = element("a", words.save, "button");
    save.href = URL.createObjectURL(new Blob([proof], { type: "text/plain" }));
    save.download = `${index}.tlog-proof`;
    const block = (text) => {
      const made = element("pre", text, "notice");
      made.tabIndex = 0;
      return made;
    };
    const pager = element("p", undefined, "pager");
    for (const near of [index - 1, index + 1])
      if (near >= 0 && near < log.size)
        pager.append(link(fill(words.entry, { index: near }), address({ entry: near }), "button"));
    pager.append(link(words.list, address({ before: index + 1 }), "button"));
    shown.replaceChildren(
      element("h3", fill(words.entry, { index: number(index) })),
      element("p", [element("code", kind), ` – ${means(kind)}`]),
      pairs([
        ...Object.keys(fields).filter((name) => name !== "kind").map((name) => [name, value(name)]),
        [words.leaf, element("code", leaf, "digest")],
      ]),
      element("h4", words.proof),
      block(proof),
      element("p", save),
      element("h4", fill(words.bytes, { bytes: number(bytes.length) })),
      block(btoa(String.fromCharCode(...bytes))),
      pager,
    );
    shown.scrollIntoView();
  };
  const show = async () => {
    if (log === null) return;
    const mine = ++turn;
    const want = asked();
    if (want.kind !== null && !log.kinds.includes(want.kind)) want.kind = null;
    search.elements.kind.value = want.kind || "";
    search.elements.find.value = want.find || "";
    search.elements.before.value = want.before === null ? "" : String(want.before);
    try {
      await (want.entry === null ? showPart(want, mine) : showEntry(want.entry, mine));
    } catch (error) {
      if (mine !== turn) return;
      const code = error instanceof Refused ? ` ${error.code}` : "";
      shown.replaceChildren(element("p", `${words.fault}: ${error.message}${code}`, "late"));
    }
  };

  // --- the page --------------------------------------------------------------------------------

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const files = [...form.elements.logfolder.files];
    if (!files.length) say(words.missing, words.nofolder, "");
    else open(fromFiles(files));
  });
  const site = document.getElementById("log-site");
  if (site) site.addEventListener("click", () => open(fromSite(site.dataset.log)));
  search.addEventListener("submit", (event) => {
    event.preventDefault();
    const find = search.elements.find.value.trim();
    const before = search.elements.before.value.trim();
    const kind = search.elements.kind.value;
    const isIndex = /^[\d,]{1,20}$/.test(find) && Number(find.replaceAll(",", "")) < log.size;
    const wanted = isIndex ? { entry: Number(find.replaceAll(",", "")) } : { kind, find, before };
    const next = address(wanted) || "log";
    if (location.hash === `#${next}`) show();
    else location.hash = next;
  });
  globalThis.addEventListener("hashchange", show);
  document.getElementById("log-without").hidden = true;
  form.hidden = false;
})();
