/** An impression: at least half of the element in view for one second of a visible page (the MRC's display standard). */
const SHARE = 0.5;
const DWELL = 1000;

export const watchVisibility = (seen: (element: HTMLElement) => void) => {
  const timers = new Map<Element, ReturnType<typeof setTimeout>>();

  const look = (element: Element) => {
    observer.unobserve(element);
    observer.observe(element);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio } of entries) {
        clearTimeout(timers.get(target));
        if (intersectionRatio < SHARE) continue;
        const dwelt = () => {
          // A hidden page delivers no intersections: looking again restarts the second when it is back.
          if (document.hidden) look(target);
          else {
            observer.unobserve(target);
            seen(target as HTMLElement);
          }
        };
        timers.set(target, setTimeout(dwelt, DWELL));
      }
    },
    { threshold: SHARE },
  );
  return look;
};
