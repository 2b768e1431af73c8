/**
 * cont: containers of a pool, on the stream of the pool service: names, properties, handles, object ids.
 *
 * A container is durable when its creation is answered. Targets hear of it when they need it (see
 * core/object), and of its end by a call to each of them.
 */
#ifndef GEMEL_CONT_CONT_SVC_H
#define GEMEL_CONT_CONT_SVC_H

#include "core/pool/pool_svc.h"

/** Load the containers of @pool and attach to it. Errors: -DER_DF_INVAL (record damaged). Blocks: yes. */
int cont_svc_open(struct pool_svc *pool, struct cont_svc **ret_svc);
void cont_svc_close(struct cont_svc *svc);

extern const struct rpc_handler cont_handlers[];
extern const uint32_t cont_handlers_nr;

#endif
