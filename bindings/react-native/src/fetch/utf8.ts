// Not every Hermes that React Native brings has a TextDecoder, and Latin-1, which is all that its own fetch falls back
// on, garbles every character beyond ASCII.

const replacement = 0xfffd;
/** As many arguments as every engine takes in one call. */
const unitsAtOnce = 0x2000;

/**
 * The text of UTF-8 bytes, as "UTF-8 decode" of the Encoding Standard has it: a byte order mark is not part of the
 * text, and what is not UTF-8 becomes U+FFFD, one for each longest part that could have begun a character.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return decodeUtf8WithoutMark(hasMark ? bytes.subarray(3) : bytes);
}

/** As {@link decodeUtf8}, with a byte order mark as a part of the text: "UTF-8 decode without BOM". */
export function decodeUtf8WithoutMark(bytes: Uint8Array): string {
  let text = '';
  let units: number[] = [];
  const push = (codePoint: number) => {
    if (codePoint > 0xffff) {
      units.push(0xd800 + ((codePoint - 0x10000) >> 10), 0xdc00 + ((codePoint - 0x10000) & 0x3ff));
    } else {
      units.push(codePoint);
    }
    if (units.length >= unitsAtOnce) {
      text += String.fromCharCode(...units);
      units = [];
    }
  };
  let index = 0;
  while (index < bytes.length) {
    const lead = bytes[index++] as number;
    if (lead < 0x80) {
      push(lead);
      continue;
    }
    const sequence = sequenceOf(lead);
    if (sequence === undefined) {
      push(replacement);
      continue;
    }
    let { lower, upper } = sequence;
    let { codePoint, needed } = sequence;
    while (needed > 0) {
      const next = bytes[index];
      // What does not continue the sequence may begin another one, so it is looked at again.
      if (next === undefined || next < lower || next > upper) break;
      codePoint = (codePoint << 6) | (next & 0x3f);
      [lower, upper] = [0x80, 0xbf];
      needed -= 1;
      index += 1;
    }
    push(needed > 0 ? replacement : codePoint);
  }
  return text + String.fromCharCode(...units);
}

/**
 * What a byte begins: the bits it holds, how many bytes follow, and between which bounds the first of them lies, which
 * keep out overlong forms, surrogates, and what is above U+10FFFF.
 */
function sequenceOf(lead: number): { codePoint: number; needed: number; lower: number; upper: number } | undefined {
  if (lead >= 0xc2 && lead <= 0xdf) return { codePoint: lead & 0x1f, needed: 1, lower: 0x80, upper: 0xbf };
  if (lead >= 0xe0 && lead <= 0xef) {
    const [lower, upper] = [lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf];
    return { codePoint: lead & 0x0f, needed: 2, lower, upper };
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const [lower, upper] = [lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf];
    return { codePoint: lead & 0x07, needed: 3, lower, upper };
  }
  return undefined;
}

/** The UTF-8 bytes of `text`; half a surrogate pair becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  // No UTF-16 unit takes more than three bytes.
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    let codePoint = text.codePointAt(index) as number;
    if (codePoint > 0xffff) {
      index += 1;
      bytes[length++] = 0xf0 | (codePoint >> 18);
      bytes[length++] = 0x80 | ((codePoint >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((codePoint >> 6) & 0x3f);
      bytes[length++] = 0x80 | (codePoint & 0x3f);
      continue;
    }
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) codePoint = replacement;
    if (codePoint < 0x80) {
      bytes[length++] = codePoint;
    } else if (codePoint < 0x800) {
      bytes[length++] = 0xc0 | (codePoint >> 6);
      bytes[length++] = 0x80 | (codePoint & 0x3f);
    } else {
      bytes[length++] = 0xe0 | (codePoint >> 12);
      bytes[length++] = 0x80 | ((codePoint >> 6) & 0x3f);
      bytes[length++] = 0x80 | (codePoint & 0x3f);
    }
  }
  return bytes.slice(0, length);
}

/** `text` with U+FFFD in the place of each half of a surrogate pair. */
export function wellFormed(text: string): string {
  if (!/[\ud800-\udfff]/.test(text)) return text;
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (found) =>
    found.length === 2 ? found : '\ufffd',
  );
}
