/** Image content: fetched and decoded off the page, then put into the box that the page already has. */
import { LINK, safeUrl } from './urls';
import type { Content } from './wire';

/** Resolves to the step that changes the page. */
export const prepareImage = async (place: HTMLElement, content: Content): Promise<() => void> => {
  const fresh = new Image();
  const old = (place.matches('img') ? place : place.querySelector('img')) as HTMLImageElement | null;
  const href = content.href && safeUrl(content.href, LINK);
  const src = safeUrl(content.src);
  const srcset = (content.sources || [])
    .filter((s) => s.width && !s.type && !s.media)
    .map((s) => safeUrl(s.src) + ` ${s.width}w`)
    .join(', ');

  const fill = (img: HTMLImageElement) => {
    img.srcset = srcset;
    img.src = src;
    img.alt = content.alt || '';
  };
  fill(fresh);
  await fresh.decode();

  return () => {
    const img = old || fresh;
    if (old) {
      keepBox(old, getComputedStyle(old));
      old.closest('picture')?.querySelectorAll('source').forEach((source) => source.remove());
      fill(old);
    } else {
      place.replaceChildren(img);
    }
    const link = img.closest('a');
    if (link && href) link.href = href;
  };
};

/** Whatever the new image's own shape, the page around it does not move: not even by the fractions that clientWidth rounds. */
const keepBox = ({ style }: HTMLImageElement, { width, height, objectFit }: CSSStyleDeclaration) => {
  style.aspectRatio = parseFloat(width) + '/' + parseFloat(height);
  if (objectFit === 'fill') style.objectFit = 'cover';
};
