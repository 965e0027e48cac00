/** Executable content: an external script with integrity, under the page's own Content-Security-Policy. */
import { fail } from './state';
import type { Content } from './wire';

interface Policy {
  createScriptURL(url: string): unknown;
}

/** A browser ignores an integrity that it cannot parse, and would run the script unchecked. */
const INTEGRITY = /^sha(256|384|512)-[\w+/]+=*$/;

/** A script comes from an origin that the merchant allows. */
export const scriptUrl = (url: string, origins: string[]): string => (origins.includes(new URL(url).origin) ? url : fail('origin'));

export const scriptLoader = (origins: string[], nonce: string) => {
  const rules = { createScriptURL: (url: string) => scriptUrl(url, origins) };
  const { trustedTypes } = window as { trustedTypes?: { createPolicy(name: string, r: typeof rules): Policy } };
  /** Made with the first script, once: the page's CSP may forbid the policy, and then only executable content fails. */
  let policy: Policy | undefined;

  /** Resolves when the script has run; it finds its place by the placement in `data-tb-for`. */
  return (placement: string, { src, integrity = '' }: Content): Promise<void> =>
    new Promise((done, failed) => {
      const script = document.createElement('script');
      policy ||= trustedTypes?.createPolicy('tb', rules) || rules;
      script.src = policy.createScriptURL(src) as string;
      script.integrity = INTEGRITY.test(integrity) ? integrity : fail('integrity');
      script.crossOrigin = 'anonymous';
      script.nonce = nonce;
      script.dataset.tbFor = placement;
      script.onload = () => done();
      script.onerror = () => failed('script');
      document.head.append(script);
    });
};
