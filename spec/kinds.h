/* kinds.h - the words that the kinds of values are written with (spec, private).
 *
 * Only for the files that define a struct wc_type.
 */
#ifndef SPEC_KINDS_H
#define SPEC_KINDS_H

#include "spec/node.h"

#define STRING WC_KIND(WC_NODE_STRING)
#define INT WC_KIND(WC_NODE_INT)
#define FLOAT WC_KIND(WC_NODE_FLOAT)
#define BOOL WC_KIND(WC_NODE_BOOL)
#define LIST WC_KIND(WC_NODE_LIST)
#define MAP WC_KIND(WC_NODE_MAP)
#define ANY (STRING | INT | FLOAT | BOOL | LIST | MAP)

/* Pieces of JSON Schema (table.h says what ' and @ are). */
#define SCHEMA_STRING "{'type':'string'}"
#define SCHEMA_NULL "{'type':'null'}"
#define SCHEMA_STRING_OR_NUMBER "{'type':['string','number']}"
#define SCHEMA_LIST(items) "{'type':'array','items':" items "}"
#define SCHEMA_MAP(values) "{'type':'object','additionalProperties':" values "}"
#define SCHEMA_EITHER(a, b) "{'anyOf':[" a "," b "]}"
#define SCHEMA_ONE_OF_3(a, b, c) "{'anyOf':[" a "," b "," c "]}"

#endif
