// What a holder of the admin token may do, each with its command line, and asked again before it is sent. Browser. The
// token lives in this module's memory: no cookie, no storage; it goes as a bearer header, by POST. An action carries
// the generation that was shown when it was chosen, so that a second click, or a late one, changes nothing.
import type { ActionOffer, PageSnapshot, RowsView } from '../snapshot.ts';
import { made } from './patch.ts';

interface Answer {
  readonly isOk: boolean;
  readonly text: string;
}

export class Actions {
  #token: string | null = null;
  #snapshot: PageSnapshot | null = null;
  /** What is drawn, as text: the buttons are made anew only when that changes. */
  #drawn = '';
  #shownRows = '';
  readonly #dialog = made('dialog', { 'aria-labelledby': 'asked' });
  readonly #told = made('p', { class: 'told', role: 'status' });

  /** Draws what may be done now. */
  show(snapshot: PageSnapshot): void {
    this.#snapshot = snapshot;
    const place = document.getElementById('actions');
    if (place === null || snapshot.mode !== 'full') return;
    const key = this.#token === null ? 'locked' : JSON.stringify([snapshot.model, snapshot.actions]);
    if (key === this.#drawn && place.childNodes.length > 0) return;
    this.#drawn = key;
    place.replaceChildren(made('h2', {}, 'Actions'),
      ...(this.#token === null ? [this.#lock()] : snapshot.actions.map((offer) => this.#offer(offer))),
      this.#told, this.#dialog);
    void this.#showRows();
  }

  #lock(): HTMLElement {
    const token = made('input', { type: 'password', id: 'token', autocomplete: 'off', required: '' });
    const form = made('form', { class: 'lock' },
      made('label', { for: 'token' }, 'Admin token'), token, made('button', { type: 'submit' }, 'Unlock'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#unlock(token.value);
    });
    return form;
  }

  async #unlock(token: string): Promise<void> {
    const { isOk, text } = await this.#send({ verb: 'rows' }, token);
    this.#told.textContent = isOk ? 'Unlocked until this page is closed.' : text;
    if (!isOk) return;
    this.#token = token;
    if (this.#snapshot !== null) this.show(this.#snapshot);
  }

  #offer(offer: ActionOffer): HTMLElement {
    const button = made('button', { type: 'button' }, offer.label);
    button.addEventListener('click', () => this.#ask(offer));
    return made('div', { class: 'action' }, button, made('code', {}, offer.cli));
  }

  #ask(offer: ActionOffer): void {
    if (this.#snapshot === null) return;
    const { model, generation } = this.#snapshot;
    const cancel = made('button', { type: 'button' }, 'Cancel');
    const confirm = made('button', { type: 'button', class: 'sure' }, offer.label);
    cancel.addEventListener('click', () => this.#dialog.close());
    confirm.addEventListener('click', () => {
      confirm.disabled = true;
      this.#dialog.close();
      void this.#carryOut(offer, model, generation);
    });
    this.#dialog.replaceChildren(
      made('h2', { id: 'asked' }, `${model ?? ''}: ${offer.label}?`), made('p', {}, offer.says),
      made('p', {}, made('code', {}, offer.cli)), made('div', { class: 'choice' }, cancel, confirm));
    this.#dialog.showModal();
    cancel.focus();
  }

  async #carryOut({ verb, version, label }: ActionOffer, model: string | null, generation: number): Promise<void> {
    this.#told.textContent = `${label} …`;
    const { isOk, text } = await this.#send({ verb, model, version, generation }, this.#token ?? '');
    this.#told.textContent = isOk ? `${label}: done.` : `${label}: ${text}`;
  }

  async #send(body: Readonly<Record<string, unknown>>, token: string): Promise<Answer> {
    try {
      const response = await fetch('/ui/actions', {
        method: 'POST', body: JSON.stringify({ model: this.#snapshot?.model, ...body }),
        headers: { 'content-type': 'application/json', 'authorization': `Bearer ${token}` },
      });
      const text = await response.text();
      return { isOk: response.ok, text: response.ok ? text : errorIn(text) };
    } catch {
      return { isOk: false, text: 'the engine did not answer' };
    }
  }

  // The worst rows stand below the decision that they belong to.
  async #showRows(): Promise<void> {
    const { decision } = this.#snapshot ?? { decision: null };
    const place = document.getElementById('rows');
    if (this.#token === null || decision === null || place === null || this.#shownRows === decision.id) return;
    this.#shownRows = decision.id;
    const { isOk, text } = await this.#send({ verb: 'rows' }, this.#token);
    if (!isOk) return;
    const { text: about, rows } = JSON.parse(text) as RowsView;
    place.replaceChildren(made('h3', {}, 'The worst rows'), made('p', { class: 'quiet' }, about),
      ...(rows.length === 0 ? [] : [made('table', {},
        made('thead', {}, made('tr', {}, ...['Row', 'Answered', 'Standby'].map((head) =>
          made('th', { scope: 'col' }, head)))),
        made('tbody', {}, ...rows.map(({ row, answered, standby }) => made('tr', {},
          made('th', { scope: 'row' }, String(row)), made('td', {}, answered), made('td', {}, standby)))))]));
  }
}

function errorIn(text: string): string {
  try {
    return (JSON.parse(text) as { readonly error?: string }).error ?? text;
  } catch {
    return text;
  }
}
