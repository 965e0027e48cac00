/* Executable content: a small size adviser. It builds itself with DOM calls only, so it runs under Trusted Types. */
(() => {
  const placement = document.currentScript.dataset.tbFor;
  const place = document.querySelector(`[data-tb-placement="${CSS.escape(placement)}"]`);
  if (!place) return;

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const USUAL = ['XS', 'S', 'M', 'L', 'XL'];
  const box = make('div', 'adviser');
  const answer = make('p', 'adviser-answer', 'Your usual size, please.');
  answer.setAttribute('role', 'status');
  const row = make('div', 'adviser-sizes');
  const month = make('input', 'adviser-month');
  month.type = 'range';
  month.min = 1;
  month.max = 9;
  month.value = 5;
  const label = make('label', 'adviser-label', 'Month 5');
  label.append(month);
  let usual = '';

  /* Bands give for five months; after that one size up is easier. */
  const advise = () => {
    label.firstChild.textContent = `Month ${month.value}`;
    if (!usual) return;
    const size = USUAL[Math.min(USUAL.indexOf(usual) + (month.value > 5 ? 1 : 0), USUAL.length - 1)];
    answer.textContent = size === usual ? `Stay with ${size}: the band gives.` : `Take ${size}: a little more room.`;
    window.tb('track', 'size_advice', { usual, month: +month.value, size });
  };
  for (const size of USUAL) {
    const button = make('button', 'adviser-size', size);
    button.type = 'button';
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', () => {
      usual = size;
      row.querySelectorAll('button').forEach((b) => b.setAttribute('aria-pressed', String(b === button)));
      advise();
    });
    row.append(button);
  }
  month.addEventListener('input', () => (label.firstChild.textContent = `Month ${month.value}`));
  month.addEventListener('change', advise);
  box.append(make('p', 'adviser-kicker', 'Size adviser'), make('h2', '', 'Which size is mine now?'), row, label, answer);
  place.replaceChildren(box);
})();
