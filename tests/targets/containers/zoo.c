// Containers of GLib, cJSON, Jansson and Lua, one function for each, and an array that grows by
// realloc.

#include <cjson/cJSON.h>
#include <glib.h>
#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

enum { kMany = 2000 };

static void* volatile kept;

__attribute__((noinline)) static void hash_table(void) {
  GHashTable* all = g_hash_table_new(g_direct_hash, g_direct_equal);
  for (int i = 1; i < kMany; ++i) g_hash_table_insert(all, GINT_TO_POINTER(i), all);
  kept = all;
}

__attribute__((noinline)) static void array(void) {
  GArray* all = g_array_new(FALSE, FALSE, sizeof(int));
  for (int i = 0; i < kMany; ++i) g_array_append_val(all, i);
  kept = all;
}

__attribute__((noinline)) static void pointers(void) {
  GPtrArray* all = g_ptr_array_new();
  for (int i = 0; i < kMany; ++i) g_ptr_array_add(all, all);
  kept = all;
}

__attribute__((noinline)) static void string(void) {
  GString* text = g_string_new("");
  for (int i = 0; i < kMany; ++i) g_string_append(text, "a roar");
  kept = text;
}

__attribute__((noinline)) static void list(void) {
  GList* all = NULL;
  for (int i = 0; i < kMany; ++i) all = g_list_prepend(all, NULL);
  kept = all;
}

__attribute__((noinline)) static void cjson_object(void) {
  cJSON* all = cJSON_CreateObject();
  for (int i = 0; i < kMany; ++i) cJSON_AddNumberToObject(all, "legs", i);
  kept = all;
}

__attribute__((noinline)) static void cjson_array(void) {
  static int numbers[kMany];
  kept = cJSON_CreateIntArray(numbers, kMany);
}

__attribute__((noinline)) static void jansson_object(void) {
  json_t* all = json_object();
  for (int i = 0; i < kMany; ++i) {
    char name[32];
    snprintf(name, sizeof name, "animal %d", i);
    json_object_set_new(all, name, json_true());
  }
  kept = all;
}

__attribute__((noinline)) static void jansson_array(void) {
  json_t* all = json_array();
  for (int i = 0; i < kMany; ++i) json_array_append_new(all, json_true());
  kept = all;
}

__attribute__((noinline)) static void lua_table(void) {
  lua_State* state = luaL_newstate();
  lua_createtable(state, 0, 0);
  for (int i = 1; i < kMany; ++i) {
    lua_pushinteger(state, i);
    lua_rawseti(state, -2, i);
  }
  kept = state;
}

__attribute__((noinline)) static void grown(void) {
  char* text = NULL;
  for (size_t size = 16; size <= 64 * 1024; size *= 2) text = realloc(text, size);
  kept = text;
}

int main(void) {
  hash_table();
  array();
  pointers();
  string();
  list();
  cjson_object();
  cjson_array();
  jansson_object();
  jansson_array();
  lua_table();
  grown();
  puts("all are fed");
  fflush(stdout);
  _Exit(0);
}
