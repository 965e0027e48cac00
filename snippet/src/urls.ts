/** Which addresses may be presented. */
import { fail } from './state';

/** https, or http on the loopback: what content may be loaded from. No user name can imitate a host here. */
const CONTENT = /^(https:|http:\/\/(localhost|127\.[\d.]+|\[::1])(:\d+)?\/)/;
/** A link navigates and never executes. */
export const LINK = /^https?:/;

/** The absolute address; throws the reason code `url` where it does not have the wanted form. */
export const safeUrl = (text: string, form = CONTENT): string => {
  const { href } = new URL(text, location.href);
  return form.test(href) ? href : fail('url');
};
