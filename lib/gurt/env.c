/*
 * Reading and changing the environment under one lock. Calls of getenv() and setenv() that do
 * not go through here are outside of it: POSIX gives us no better.
 */
#include <strings.h>

#include "lib/gurt/gurt_int.h"

static pthread_rwlock_t env_lock = PTHREAD_RWLOCK_INITIALIZER;

/* A copy of the variable for free(). Errors: -DER_NONEXIST, -DER_NOMEM. */
static int env_dup(const char *name, char **ret_val)
{
	const char *val;
	char *copy = NULL;
	int rc = -DER_NONEXIST;

	(void)pthread_rwlock_rdlock(&env_lock);
	val = getenv(name);
	if (val != NULL) {
		copy = strdup(val);
		rc = copy == NULL ? -DER_NOMEM : 0;
	}
	(void)pthread_rwlock_unlock(&env_lock);
	if (rc == 0)
		*ret_val = copy;
	return rc;
}

int d_getenv_bool(const char *name, bool *bool_val)
{
	static const char *const word[2][6] = {
		{ "0", "n", "no", "f", "false", "off" },
		{ "1", "y", "yes", "t", "true", "on" },
	};
	char *val;
	int rc;
	int i;

	rc = env_dup(name, &val);
	if (rc != 0)
		return rc;
	rc = -DER_INVAL;
	for (i = 0; i < 12; i++) {
		if (strcasecmp(val, word[i / 6][i % 6]) != 0)
			continue;
		*bool_val = i / 6 == 1;
		rc = 0;
		break;
	}
	free(val);
	return rc;
}

int d_getenv_char(const char *name, char *char_val)
{
	char *val;
	int rc;

	rc = env_dup(name, &val);
	if (rc != 0)
		return rc;
	if (strlen(val) == 1)
		*char_val = val[0];
	else
		rc = -DER_INVAL;
	free(val);
	return rc;
}

/* An unsigned number up to @max, in base 10, 8 (0...) or 16 (0x...). */
static int env_number(const char *name, uint64_t max, uint64_t *ret_num)
{
	unsigned long long num;
	char *val;
	char *end;
	int rc;

	rc = env_dup(name, &val);
	if (rc != 0)
		return rc;
	errno = 0;
	num = strtoull(val, &end, 0);
	if (end == val || *end != '\0' || strchr(val, '-') != NULL)
		rc = -DER_INVAL;
	else if (errno == ERANGE || num > max)
		rc = -DER_OVERFLOW;
	else
		*ret_num = num;
	free(val);
	return rc;
}

int d_getenv_uint(const char *name, unsigned int *uint_val)
{
	uint64_t num;
	int rc;

	rc = env_number(name, UINT_MAX, &num);
	if (rc == 0)
		*uint_val = (unsigned int)num;
	return rc;
}

int d_getenv_int(const char *name, unsigned int *uint_val)
{
	return d_getenv_uint(name, uint_val);
}

int d_getenv_uint32_t(const char *name, uint32_t *uint32_val)
{
	return d_getenv_uint(name, uint32_val);
}

int d_getenv_uint64_t(const char *name, uint64_t *uint64_val)
{
	return env_number(name, UINT64_MAX, uint64_val);
}

int d_getenv_str(char *str_val, size_t str_size, const char *name)
{
	char *val;
	size_t len;
	int rc;

	rc = env_dup(name, &val);
	if (rc != 0)
		return rc;
	len = strlen(val);
	if (len >= str_size) {
		rc = -DER_TRUNC;
		len = str_size == 0 ? 0 : str_size - 1;
	}
	if (str_size != 0) {
		memcpy(str_val, val, len);
		str_val[len] = '\0';
	}
	free(val);
	return rc;
}

int d_agetenv_str(char **str_val, const char *name)
{
	return env_dup(name, str_val);
}

void d_freeenv_str(char **str_val)
{
	free(*str_val);
	*str_val = NULL;
}

/* Leave the write lock with the result of a call of the C library. */
static int env_changed(int failed)
{
	int rc = failed != 0 ? d_errno2der(errno) : 0;

	(void)pthread_rwlock_unlock(&env_lock);
	return rc;
}

int d_setenv(const char *name, const char *value, int overwrite)
{
	(void)pthread_rwlock_wrlock(&env_lock);
	return env_changed(setenv(name, value, overwrite));
}

int d_unsetenv(const char *name)
{
	(void)pthread_rwlock_wrlock(&env_lock);
	return env_changed(unsetenv(name));
}

int d_putenv(char *name)
{
	(void)pthread_rwlock_wrlock(&env_lock);
	return env_changed(putenv(name));
}

int d_clearenv(void)
{
	(void)pthread_rwlock_wrlock(&env_lock);
	return env_changed(clearenv());
}

bool d_isenv_def(char *name)
{
	bool set;

	(void)pthread_rwlock_rdlock(&env_lock);
	set = getenv(name) != NULL;
	(void)pthread_rwlock_unlock(&env_lock);
	return set;
}
