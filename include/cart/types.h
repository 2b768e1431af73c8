/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The few names of the messaging layer that client programs can see. Messages themselves are not
 * part of the public API.
 */
#ifndef CART_TYPES_H
#define CART_TYPES_H

#include <gurt/types.h>

/** Name of a group of servers: printable ASCII without quotes, backslash and semicolon. */
typedef d_string_t	crt_group_id_t;
/** Address of an endpoint, as text. */
typedef d_string_t	crt_phy_addr_t;

/** Longest group name and endpoint address, terminator included. */
#define CRT_GROUP_ID_MAX_LEN	64
#define CRT_ADDR_STR_MAX_LEN	128

/** "No rank" where a rank is expected. */
#define CRT_NO_RANK		0xFFFFFFFF

#endif /* CART_TYPES_H */
