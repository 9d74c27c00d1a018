#ifndef XRAT_MODEL_H
#define XRAT_MODEL_H
/* What other folders may use of model/. */
#include "model/desired.h"
#include "model/field.h"
#include "model/names.h"
#include "model/node.h"
#include "model/tables.h"
#include "model/target.h"
#include "model/xconf.h"
#include "model/xkeys.h"
#include "model/xrule.h"
#endif
