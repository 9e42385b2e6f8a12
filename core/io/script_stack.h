/* How much C stack a thread has that runs scripts. LuaJIT bounds how deep Lua code goes, 65,500 slots of its own stack,
   and not what C takes meanwhile: a function that string.gsub calls and that calls string.gsub takes nine kilobytes of C
   stack for ten slots. With less than this, a script that recurses as deep as a request's body says ends the process
   with it. What is not used takes no memory. */
#ifndef TG_IO_SCRIPT_STACK_H
#define TG_IO_SCRIPT_STACK_H

enum { TG_SCRIPT_STACK_BYTES = 128 * 1024 * 1024 };

#endif
