/* The shop's own script: who the snippet says that you are, the bag's small answer, and the visitor that is played. */
(() => {
  const soon = (test, then, tries = 100) => (test() ? then() : tries && setTimeout(() => soon(test, then, tries - 1), 50));

  const who = document.querySelector('.who');
  const name = () => {
    const ids = window.tb.ids();
    if (!ids.customer) return;
    who.querySelectorAll('[data-who]').forEach((code) => (code.textContent = ids[code.dataset.who].slice(0, 10) + '…'));
    who.hidden = false;
  };
  soon(() => window.tb && window.tb.ids, () => window.tb('ready', name));

  document.querySelectorAll('.buy').forEach((button) =>
    button.addEventListener('click', () => (button.textContent = 'In the bag')),
  );

  const playing = document.querySelector('.playing');
  if (!playing) return;
  const frame = playing.querySelector('iframe');
  const say = (text) => (playing.querySelector('[role=status]').textContent = text);
  const places = () => [...frame.contentDocument.querySelectorAll('[data-tb-placement]')];
  const settled = () => places().length && places().every((place) => /^(shown|default|error)$/.test(place.dataset.tbState));

  /* A page counts as seen when each placement has its answer; a dead edge must not hold up the tour for ever. */
  const open = (path) =>
    new Promise((done) => {
      frame.onload = () => soon(settled, done, 80);
      frame.contentWindow.location.replace(path);
      playing.querySelector('.bar span').textContent = location.host + path;
    });

  const play = async () => {
    window.tb('reset');
    const path = playing.dataset.path.split(' ');
    const steps = playing.querySelectorAll('li');
    for (const [index, page] of path.entries()) {
      say(`Page ${index + 1} of ${path.length}`);
      steps[index].className = 'now';
      await Promise.all([open(page), new Promise((done) => setTimeout(done, 400))]); // long enough to be seen
      steps[index].className = 'seen';
    }
    say('And back to the home page …');
    location.assign(playing.dataset.end);
  };
  soon(() => window.tb && window.tb.ids, () => window.tb('ready', play));
})();
