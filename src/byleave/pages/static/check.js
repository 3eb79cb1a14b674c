/* Joins byleaveVerify to the form of the page around it. Writes text only, never markup. The one
   thing it may fetch is a proof of this site that the address names after `#proof=`. */
"use strict";
(function () {
  const MOST = 1 << 24;
  const form = document.getElementById("check-form");
  const result = document.getElementById("check-result");
  if (!form || !globalThis.byleaveVerify) return;
  const words = form.dataset;
  let linked = null;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const say = (title, text, className) => {
    const box = element("div", undefined, `card ${className}`);
    box.append(element("h2", title), element("p", text));
    result.replaceChildren(box);
    return box;
  };

  const bytesOf = async (name) => {
    const [file] = form.elements[name].files;
    if (!file) return null;
    if (file.size > MOST) throw new Error(words.large);
    return new Uint8Array(await file.arrayBuffer());
  };

  const trustOf = async () => {
    const pasted = form.elements.pasted.value.replaceAll("\r\n", "\n");
    if (!pasted.trim()) return bytesOf("trust");
    return new TextEncoder().encode(pasted.endsWith("\n") ? pasted : `${pasted}\n`);
  };

  const show = (verdict) => {
    const [title, className] = verdict.ok
      ? [words.yes, "is-good"]
      : verdict.unchecked
        ? [words.unchecked, "is-late"]
        : [words.no, "is-late"];
    const box = say(title, verdict.statement, className);
    const list = element("ol", undefined, "checks");
    for (const check of verdict.checks) {
      const state = words[`state${check.state.replace("-", "").toLowerCase()}`];
      const line = element("li");
      const head = `${check.number}. ${check.name}: ${state}`;
      line.append(element("strong", head), element("span", ` ${check.detail}`));
      if (check.code) line.append(" ", element("code", check.code));
      list.append(line);
    }
    const limits = element("p", undefined, "limits");
    limits.append(element("strong", words.limits), ` ${verdict.does_not_show}.`);
    box.append(element("h3", words.steps), list, limits);
  };

  const check = async () => {
    result.replaceChildren(element("p", words.working));
    try {
      const proof = (await bytesOf("proof")) ?? linked;
      const trust = await trustOf();
      if (proof === null || trust === null) {
        say(words.missing, proof === null ? words.noproof : words.notrust, "");
        return;
      }
      show(await globalThis.byleaveVerify.verify(proof, trust, await bytesOf("receipt")));
    } catch (error) {
      say(words.fault, error instanceof Error ? error.message : String(error), "is-late");
    }
  };

  const fetchLinked = async () => {
    const path = new URLSearchParams(location.hash.slice(1)).get("proof");
    if (path === null || location.protocol === "file:") return;
    const address = new URL(path, location.href);
    const allowed = /\/(?:me|m\/[A-Za-z0-9._~-]+)?\/?proofs\/[A-Za-z0-9._-]+\.proof$/;
    if (address.origin !== location.origin || address.search || !allowed.test(address.pathname)) return;
    try {
      const answer = await fetch(address, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      linked = new Uint8Array(await answer.arrayBuffer());
      document.getElementById("check-linked").textContent = `${words.linked} ${path.split("/").pop()}`;
    } catch {
      document.getElementById("check-linked").textContent = words.unlinked;
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    check();
  });
  document.getElementById("check-without").hidden = true;
  form.hidden = false;
  fetchLinked();
})();
