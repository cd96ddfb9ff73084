// The chat window: one file, no dependency, nothing global, text only ever set as text.
// <script src="https://desk.example/chat/widget.js" defer [data-open] [data-title="…"]></script>
(() => {
  'use strict';
  const script = document.currentScript;
  const socketUrl = new URL('/chat/socket', script.src).href.replace(/^http/, 'ws');
  const KEEP = 'deskbell.chat';
  const REASONS = { empty: 'Nothing to send.', 'too-long': 'Not sent: longer than 4,000 characters.', 'not-understood': 'Not sent.' };
  const STYLE = `
:host { all: initial; --card:#fff; --ink:#172033; --quiet:#56617a; --line:#d3d9e6; --soft:#eef1f7; --accent:#1f5ae0; --on:#fff; --bad:#b3261e;
  position: fixed; inset: auto 1rem 1rem auto; z-index: 2147483000; font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink); }
@media (prefers-color-scheme: dark) { :host { --card:#182032; --ink:#e9edf6; --quiet:#a3aec6; --line:#323d57; --soft:#26314a; --accent:#86adff; --on:#0b1630; --bad:#ff9d94; } }
* { box-sizing: border-box; } [hidden] { display: none !important; }
button { font: inherit; font-weight: 600; border: 0; cursor: pointer; color: var(--on); background: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.launch { display: block; margin-left: auto; padding: .8rem 1.25rem; border-radius: 2rem; box-shadow: 0 6px 24px #0004; }
.panel { display: flex; flex-direction: column; width: min(23.5rem, calc(100vw - 2rem)); height: min(34rem, calc(100vh - 2rem)); max-height: calc(100dvh - 2rem);
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem; overflow: hidden; box-shadow: 0 18px 60px -12px #0006; }
header { display: flex; align-items: center; justify-content: space-between; gap: .5rem; padding: .75rem .6rem .75rem 1.1rem; color: var(--on); background: var(--accent); }
header b { font-size: 1rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } header small { display: block; font-weight: 400; opacity: .9; }
header button { padding: .3rem .7rem; font-size: 1.3rem; line-height: 1; border-radius: .5rem; } header button:focus-visible { outline-color: var(--on); }
.log { flex: 1; overflow-y: auto; padding: 1rem; display: flex; flex-direction: column; gap: .55rem; }
.hello { margin: auto; max-width: 17rem; text-align: center; color: var(--quiet); }
.said { max-width: 85%; padding: .5rem .8rem; border-radius: 1rem; background: var(--soft); align-self: flex-start; border-bottom-left-radius: .25rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.you { align-self: flex-end; background: var(--accent); color: var(--on); border-radius: 1rem 1rem .25rem 1rem; }
.meta { font-size: .75rem; color: var(--quiet); margin-top: -.4rem; padding: 0 .3rem; } .you + .meta { align-self: flex-end; } .bad { color: var(--bad); }
form { border-top: 1px solid var(--line); padding: .7rem; } details { font-size: .85rem; color: var(--quiet); margin-bottom: .5rem; } summary { cursor: pointer; }
.who { display: flex; gap: .5rem; margin-top: .5rem; } .row { display: flex; gap: .5rem; align-items: flex-end; }
input, textarea { flex: 1; min-width: 0; font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .5rem .65rem; }
textarea { resize: none; height: 2.7rem; max-height: 8rem; } .row button { padding: 0 1rem; height: 2.7rem; border-radius: .6rem; }
@media (max-width: 30rem) { input, textarea { font-size: 16px; } }`;

  let kept = { token: '', unsent: [] };
  try { kept = Object.assign(kept, JSON.parse(localStorage.getItem(KEEP))); } catch { /* starts anew */ }
  const keep = () => { try { localStorage.setItem(KEEP, JSON.stringify(kept)); } catch { /* for this page only */ } };
  const make = (tag, attributes, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };

  const title = make('b', {}, script.dataset.title || 'Chat');
  const status = make('small', {});
  const close = make('button', { type: 'button', 'aria-label': 'Close the chat' }, '×');
  const hello = make('p', { class: 'hello' }, 'Ask us anything. You can close this window and come back to the same conversation.');
  const list = make('div', { class: 'log', role: 'log', 'aria-live': 'polite', 'aria-label': 'Conversation', tabindex: '0' }, hello);
  const name = make('input', { placeholder: 'Your name', 'aria-label': 'Your name', maxlength: '80', autocomplete: 'name' });
  const email = make('input', { placeholder: 'Mail address', 'aria-label': 'Mail address', maxlength: '254', type: 'email', autocomplete: 'email' });
  const who = make('details', {}, make('summary', {}, 'Tell us who you are (optional)'), make('div', { class: 'who' }, name, email));
  const text = make('textarea', { placeholder: 'Write a message', 'aria-label': 'Message', maxlength: '4000', rows: '1' });
  const form = make('form', {}, who, make('div', { class: 'row' }, text, make('button', {}, 'Send')));
  const panel = make('section', { class: 'panel', role: 'dialog', 'aria-label': 'Chat', hidden: '' },
    make('header', {}, make('div', {}, title, status), close), list, form);
  const launch = make('button', { type: 'button', class: 'launch', 'aria-expanded': 'false' }, 'Chat with us');
  const host = make('div', {});
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  root.append(panel, launch);
  document.body.append(host);

  const shown = new Map();  // id of a line -> its note below
  const show = (said, note) => {
    let meta = shown.get(said.id);
    if (!meta) {
      hello.remove();
      meta = make('div', { class: 'meta' });
      list.append(make('div', { class: said.from === 'you' ? 'said you' : 'said' }, String(said.text)), meta);
      shown.set(said.id, meta);
      list.scrollTop = list.scrollHeight;
    }
    const at = said.at ? new Date(said.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) : '';
    meta.textContent = note || [said.name, at].filter(Boolean).join(' · ');
    meta.classList.remove('bad');
  };
  const note = (id, words, bad) => {
    const meta = shown.get(id);
    if (meta) { meta.textContent = words; meta.classList.toggle('bad', Boolean(bad)); }
  };

  let socket = null, ready = false, failures = 0, toldEmail = '';
  const say = (line) => {
    if (!ready) return;
    const claim = email.value && email.value !== toldEmail ? email.value : '';
    toldEmail = email.value;
    socket.send(JSON.stringify({ type: 'say', id: line.id, text: line.text, name: name.value, email: claim }));
  };
  const settle = (id) => { kept.unsent = kept.unsent.filter((line) => line.id !== id); keep(); };
  const frames = {
    welcome(frame) {
      ready = true; failures = 0; status.textContent = 'We are listening';
      if (kept.token && kept.token !== frame.token) { shown.clear(); list.replaceChildren(); }
      kept.token = frame.token; keep();
      if (!script.dataset.title) title.textContent = frame.desk;
      frame.history.forEach((said) => { settle(said.id); show(said); });
      kept.unsent.forEach((line) => { show({ ...line, from: 'you' }, 'Sending…'); say(line); });
    },
    kept(frame) { settle(frame.id); note(frame.id, 'Sent'); },
    refused(frame) {
      if (frame.again_in === undefined) { settle(frame.id); note(frame.id, REASONS[frame.reason] || 'Not sent.', true); return; }
      note(frame.id, 'Waiting to be sent…');
      setTimeout(() => kept.unsent.filter((line) => line.id === frame.id).forEach(say), frame.again_in * 1000 + 200);
    },
    said(frame) { show(frame); },
    ended() { status.textContent = 'Solved. Write again to ask something new.'; },
  };
  const connect = () => {
    if (socket) return;
    status.textContent = 'Connecting…';
    socket = new WebSocket(socketUrl);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token: kept.token }));
    socket.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      if (Object.hasOwn(frames, frame.type)) frames[frame.type](frame);
    };
    socket.onclose = () => {
      socket = null; ready = false;
      status.textContent = 'Offline. What you write is sent when we are back.';
      setTimeout(connect, Math.min(30000, 1000 * 2 ** failures++) * (0.5 + Math.random()));
    };
  };

  const open = (yes) => {
    panel.hidden = !yes; launch.hidden = yes;
    launch.setAttribute('aria-expanded', String(yes));
    if (yes) { connect(); list.scrollTop = list.scrollHeight; }
  };
  launch.onclick = () => { open(true); text.focus(); };
  close.onclick = () => { open(false); launch.focus(); };
  panel.onkeydown = (event) => { if (event.key === 'Escape') close.onclick(); };
  text.onkeydown = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (!words) return;
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const line = { id, text: words };
    kept.unsent.push(line); keep();
    show({ ...line, from: 'you' }, 'Sending…');
    text.value = ''; say(line); text.focus();
  };
  if ('open' in script.dataset) open(true);
})();
