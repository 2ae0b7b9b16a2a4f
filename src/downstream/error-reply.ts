// The only place that turns an ErrorAnswer into a reply document. Shape of protocol.md 5.1: ok double, code int32
// (Go drops any other type), labels at the top level.

import { type BsonDocument, Double, Int32, Long } from '../../codecs/index.ts';
import type { ErrorAnswer } from '../core/error-answers.ts';

/** The whole document of an error reply. */
export function errorDocument(answer: ErrorAnswer, understandsBackoff: boolean): BsonDocument {
  const document: BsonDocument = {
    ok: new Double(0),
    errmsg: answer.errmsg,
    code: new Int32(answer.code),
    codeName: answer.codeName,
  };
  if (answer.errorLabels.length > 0) document['errorLabels'] = [...answer.errorLabels];
  if (answer.baseBackoffMs > 0 && understandsBackoff) {
    document['baseBackoffMS'] = Long.fromNumber(Math.ceil(answer.baseBackoffMs));
  }
  return document;
}
