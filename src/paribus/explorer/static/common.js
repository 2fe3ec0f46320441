// What all pages share: asking the server, telling what went wrong, and making elements.

/** An error that the server told in words: what, where, got, expected, fix. */
export class Told extends Error {
  constructor(words) {
    super(words.what);
    this.words = words;
  }
}

/**
 * Asks the server.
 * @param {string} path below /api
 * @param {object} [options] `json`: an object to send; `body`: bytes to send
 * @returns {Promise<Response>}
 */
export async function ask(path, { json, body } = {}) {
  const sent = json === undefined ? body : JSON.stringify(json);
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { method: sent === undefined ? "GET" : "POST", body: sent, headers });
  } catch {
    throw new Told({ what: "The server does not answer.", fix: "start it again: paribus explore" });
  }
  if (answer.ok) return answer;
  throw new Told(await answer.json().catch(() => ({ what: `The server answered ${answer.status}.` })));
}

/**
 * Carries out one call at a time; of those that come meanwhile only the latest follows, also after one that went wrong.
 * @param {function(...any): Promise<any>} work
 * @returns {function(...any): Promise<void>} ends when nothing is left to do
 */
export function latest(work) {
  let waiting = null, running = null;
  const run = async () => {
    while (waiting !== null) {
      const given = waiting;
      waiting = null;
      await work(...given).catch(showTrouble);
    }
    running = null;
  };
  return (...given) => {
    waiting = given;
    running ??= run();
    return running;
  };
}

/** Carries out what a visitor asked for, and puts on the page what goes wrong with it. */
export async function attempt(work) {
  clearTrouble();
  try {
    await work();
  } catch (error) {
    showTrouble(error);
  }
}

/** Shows an error in the page's element #trouble (role="alert"). */
export function showTrouble(error) {
  const words = error instanceof Told ? error.words : { what: "The page failed.", got: String(error) };
  const box = document.getElementById("trouble");
  const lines = ["where", "got", "expected", "fix"].filter((name) => words[name]);
  box.replaceChildren(
    element("button", { class: "close", "aria-label": "Close", click: clearTrouble }, "×"),
    element("b", {}, words.what),
    element("dl", {}, ...lines.flatMap((name) => [element("dt", {}, name), element("dd", {}, words[name])])),
  );
  box.hidden = false;
}

/** Takes the error away. */
export function clearTrouble() {
  document.getElementById("trouble").hidden = true;
}

/** An element with attributes (functions become listeners) and children (strings become text). */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Saves bytes as a file of the visitor. */
export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
