/** Which campaign brought the visitor: only its hash is kept, click ids never leave the browser. */
import { hash } from './ids';

const IDENTIFIERS = /\b(utm_(source|medium|campaign)|\w*clk?id|[gw]braid)=[^&]+/g;

/** Hash of the campaign identifiers of a query string and the merchant's own attribute, '' without any. */
export const campaignHash = (search: string, attribute = ''): string => {
  const found = (search.match(IDENTIFIERS) || '') + attribute;
  return found && hash(found);
};

/** A visit that begins here: typed, or linked from elsewhere; not an internal link, reload, back or forward. `from` is a host, `domain` begins with a dot. */
export const isEntry = (type: string | undefined, from: string | undefined, domain: string): boolean =>
  type === 'navigate' && !('.' + from).endsWith(domain);

/** Origin and host of the page that linked here. */
export const parseReferrer = (address: string): string[] => /^https?:\/\/([^/:?#]+)[^/?#]*/.exec(address) || [];
