/** Which campaign brought the visitor: only its hash is kept, click ids never leave the browser. */
import { hash } from './ids';

const IDENTIFIERS = /[?&](utm_(source|medium|campaign)|\w*clk?id|[gw]braid)=[^&]+/g;

/** Hash of the campaign identifiers of a query string and the merchant's own attribute, '' without any. */
export const campaignHash = (search: string, attribute = ''): string => {
  const found = (search.match(IDENTIFIERS) || []).map((pair) => pair.slice(1)).sort() + attribute;
  return found && hash(found);
};

/** A visit that begins here: typed, or linked from elsewhere; not an internal link, reload, back or forward. `site` without a leading dot. */
export const isEntry = (type: string | undefined, referrer: string, site: string): boolean =>
  (!type || type === 'navigate') && !('.' + (/^\w+:\/\/([^/:]+)/.exec(referrer) || '')[1]).endsWith('.' + site);
