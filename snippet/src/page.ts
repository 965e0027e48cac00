/** The secondary identifiers that a page tells: never its query, its fragment or more of the referrer than the origin. */

/** The wire refuses longer texts; these two are not the merchant's own. */
const LONGEST = 256;

export const pageContext = (tag: DOMStringMap, entry: boolean, referrer: string | undefined) => ({
  page: location.pathname.slice(0, LONGEST),
  page_type: tag.page,
  category: tag.category,
  product: tag.product,
  price: +tag.price! || undefined,
  campaign: new URLSearchParams(location.search).get('utm_campaign')?.slice(0, LONGEST) || tag.campaign,
  referrer,
  language: navigator.language,
  entry,
});
