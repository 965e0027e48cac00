/** Executable content: an external script with integrity, under the page's own Content-Security-Policy. */
import { fail, scriptUrl } from './urls';
import type { Content } from './wire';

interface Policy {
  createScriptURL(url: string): unknown;
}

/** A browser ignores an integrity that it cannot parse, and would run the script unchecked. */
const INTEGRITY = /^sha(256|384|512)-[\w+/]+=*$/;

export const scriptLoader = (origins: string[], nonce: string) => {
  const rules = { createScriptURL: (url: string) => scriptUrl(url, origins) };
  const { trustedTypes } = window as { trustedTypes?: { createPolicy(name: string, r: typeof rules): Policy } };
  /** Made with the first script, once: the page's CSP may forbid the policy, and then only executable content fails. */
  let policy: Policy | undefined;

  /** Resolves when the script has run; it finds its place by the placement in `data-tb-for`. */
  return (placement: string, content: Content): Promise<() => void> =>
    new Promise((done, failed) => {
      const script = document.createElement('script');
      policy ||= trustedTypes ? trustedTypes.createPolicy('tb', rules) : rules;
      script.src = policy.createScriptURL(content.src) as string;
      script.integrity = INTEGRITY.test(content.integrity!) ? content.integrity! : fail('integrity');
      script.crossOrigin = 'anonymous';
      script.nonce = nonce;
      script.dataset.tbFor = placement;
      script.onload = () => done(() => {});
      script.onerror = () => failed(Error('script'));
      document.head.append(script);
    });
};
