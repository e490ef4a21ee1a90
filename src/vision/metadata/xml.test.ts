import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseXml } from './xml.ts';

describe('XML', () => {
  it('is read into elements by namespace, whatever the prefix', () => {
    const source = `<?xml version="1.0"?><!-- a --><a:one xmlns:a="urn:a#" b='1 &lt; 2'><two xmlns="urn:b#" a:c="d">x&#65;&#x42;</two> </a:one>`;
    expect(parseXml(source)).toEqual([
      {
        name: 'urn:a#one',
        attributes: new Map([
          ['xmlns:a', 'urn:a#'],
          ['b', '1 < 2'],
        ]),
        text: ' ',
        children: [
          {
            name: 'urn:b#two',
            attributes: new Map([
              ['xmlns', 'urn:b#'],
              ['urn:a#c', 'd'],
            ]),
            text: 'xAB',
            children: [],
          },
        ],
      },
    ]);
  });

  it.each([
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an entity of its own', '<a>&b;</a>'],
    ['an entity that never ends', '<a>&amp</a>'],
    ['a character that there is not', '<a>&#x110000;</a>'],
    ['CDATA', '<a><![CDATA[b]]></a>'],
    ['an element that is not closed', '<a><b></a>'],
    ['a tag that is not closed', '<a b="c"'],
    ['an attribute without quotes', '<a b=c/>'],
    ['an attribute twice', '<a b="c" b="d"/>'],
    ['text outside', 'a<a/>'],
    ['a comment that never ends', '<a><!-- </a>'],
    ['too deep elements', '<a>'.repeat(100) + '</a>'.repeat(100)],
    ['too many elements', `<a>${'<b/>'.repeat(20_001)}</a>`],
  ])('is not read with %s', (_, source) => {
    expect(parseXml(source)).toBeNull();
  });

  it('never throws', () => {
    const token = fc.constantFrom(
      '<',
      '>',
      '/',
      'a',
      ':',
      '"',
      "'",
      '=',
      ' ',
      '&',
      ';',
      '<?',
      '?>',
      '<!--',
      '-->',
      '#',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
        parseXml(tokens.join(''));
      }),
    );
  });
});
