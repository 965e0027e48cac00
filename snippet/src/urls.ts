/** Which addresses may be presented. */
export const fail = (code: string): never => {
  throw Error(code);
};

/** https, or http on the loopback: what content may be loaded from. No user name can imitate a host here. */
const CONTENT = /^(https:|http:\/\/(localhost|127\.[\d.]+|\[::1])(:\d+)?\/)/;
/** A link navigates and never executes. */
export const LINK = /^https?:/;

/** The absolute address; throws the reason code `url` where it does not have the wanted form. */
export const safeUrl = (text: string, form = CONTENT, base?: string): string => {
  const { href } = new URL(text, base);
  return form.test(href) ? href : fail('url');
};

/** A script's address: content's form, and an origin that the merchant allows. */
export const scriptUrl = (text: string, origins: string[]): string => (origins.includes(new URL(text).origin) ? safeUrl(text) : fail('origin'));
