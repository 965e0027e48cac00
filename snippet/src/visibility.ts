/** An impression: at least half of the element in view for one second of a visible page (the MRC's display standard). */
const SHARE = 0.5;
const DWELL = 1000;

/** Answers the step that watches one element until it has been seen. */
export const watchVisibility = (seen: (element: HTMLElement) => void) => {
  const timers = new Map<Element, ReturnType<typeof setTimeout>>();
  const observer = new IntersectionObserver(
    (entries) =>
      entries.forEach(({ target, intersectionRatio }) => {
        const dwelt = () => {
          observer.unobserve(target);
          // A hidden page delivers no intersections: looking again restarts the second when it is back.
          if (document.hidden) observer.observe(target);
          else seen(target as HTMLElement);
        };
        clearTimeout(timers.get(target));
        if (intersectionRatio >= SHARE) timers.set(target, setTimeout(dwelt, DWELL));
      }),
    { threshold: SHARE },
  );
  return (element: HTMLElement) => observer.observe(element);
};
