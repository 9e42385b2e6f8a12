-- Raw sockets, for tests in which a peer does what no good HTTP program does: upstreams that send garbage or hang up,
-- and clients of Unix sockets. They never block; they look again every millisecond.
local busted = require "busted"
local core = require "tidegate.core"
local ffi = require "ffi"
local tg = require "tidegate"
local wait = require "tests.support.wait"

ffi.cdef [[
int socket(int family, int type, int protocol);
int bind(int fd, const void *address, unsigned size);
int listen(int fd, int backlog);
int connect(int fd, const void *address, unsigned size);
int accept4(int fd, void *address, void *size, int flags);
int getsockname(int fd, void *address, unsigned *size);
int setsockopt(int fd, int level, int name, const void *value, unsigned size);
ssize_t recv(int fd, void *buffer, size_t size, int flags);
ssize_t send(int fd, const void *buffer, size_t size, int flags);
int shutdown(int fd, int how);
int close(int fd);
]]

local C = ffi.C
local AF_UNIX, AF_INET, SOCK_STREAM = 1, 2, 0x80801 -- with SOCK_NONBLOCK and SOCK_CLOEXEC
local SOL_SOCKET, SO_RCVBUF, SO_LINGER, SHUT_WR, MSG_NOSIGNAL = 1, 8, 13, 1, 0x4000
local EAGAIN, ECONNRESET, EISCONN, ENOTCONN, EALREADY, EINPROGRESS = 11, 104, 106, 107, 114, 115
local CHUNK_BYTES = 65536

local inet = ffi.typeof("struct { uint16_t family; uint8_t port[2]; uint8_t host[4]; uint8_t zero[8]; }")
local unix = ffi.typeof("struct { uint16_t family; char path[108]; }")

local function check(result, what)
  if result < 0 then
    error(("%s failed (errno %d)"):format(what, ffi.errno()), 2)
  end
  return result
end

local Socket = {}
Socket.__index = Socket

local function new(fd)
  return setmetatable({ fd = fd, parts = {}, size = 0 }, Socket)
end

-- Receives what has come: "more", "end" or "nothing".
local function receive(self)
  local buffer = ffi.new("char[?]", CHUNK_BYTES)
  local size = tonumber(C.recv(self.fd, buffer, CHUNK_BYTES, 0))
  if size > 0 then
    self.parts[#self.parts + 1] = ffi.string(buffer, size)
    self.size = self.size + size
    return "more"
  end
  local errno = size < 0 and ffi.errno()
  if errno == EAGAIN or errno == ENOTCONN then
    return "nothing"
  end
  self.was_reset = self.was_reset or errno == ECONNRESET
  return "end"
end

-- What has come and was not taken.
local function come(self)
  local text = table.concat(self.parts)
  self.parts = { text }
  return text
end

local function take(self, count)
  local text = come(self)
  self.parts, self.size = { text:sub(count + 1) }, #text - count
  return text:sub(1, count)
end

--- Waits for everything up to and including `mark`.
---@async
function Socket:read_until(mark)
  return wait.until_true("the peer has sent " .. ("%q"):format(mark), function()
    local state = receive(self)
    local _, last = come(self):find(mark, 1, true)
    if last then
      return take(self, last)
    elseif state == "end" then
      error(("the peer has closed the connection before it sent %q"):format(mark), 0)
    end
  end)
end

--- Waits for `count` bytes.
---@async
function Socket:read_exactly(count)
  wait.until_true(("the peer has sent %d bytes"):format(count), function()
    if self.size < count and receive(self) == "end" then
      error(("the peer has closed the connection before it sent %d bytes"):format(count), 0)
    end
    return self.size >= count
  end)
  return take(self, count)
end

--- Takes at most `size` bytes that have come; the text, "" where nothing has, nil at the end or when it is broken.
function Socket:take_nowait(size)
  if self.size == 0 then
    local state = receive(self)
    if state ~= "more" then
      return state == "nothing" and "" or nil
    end
  end
  return take(self, math.min(size, self.size))
end

local scratch = ffi.new("char[?]", CHUNK_BYTES)

--- Waits for bytes and looks at them without keeping them.
---@async
---@param most integer at most so many
---@param look fun(bytes: string|ffi.cdata*, size: integer)
---@return integer # how many there were; 0 at the end or when the connection is broken
function Socket:look(most, look)
  if self.size > 0 then
    local text = take(self, math.min(most, self.size))
    look(text, #text)
    return #text
  end
  return wait.until_true("the peer has sent more", function()
    local size = tonumber(C.recv(self.fd, scratch, math.min(most, CHUNK_BYTES), 0))
    if size > 0 then
      look(scratch, size)
      return size
    elseif size == 0 or ffi.errno() ~= EAGAIN then
      return 0
    end
  end)
end

--- Waits for the head of a request or an answer.
---@async
function Socket:read_head()
  return self:read_until("\r\n\r\n")
end

--- Has the peer closed or reset the connection? Where it has reset it, `was_reset` is true.
function Socket:has_ended()
  local state
  repeat
    state = receive(self)
  until state ~= "more"
  return state == "end"
end

--- Waits until the peer has closed or reset the connection; everything that came before.
---@async
function Socket:read_rest()
  wait.until_true("the peer has closed the connection", function()
    return self:has_ended()
  end)
  return take(self, self.size)
end

--- Writes all of it.
---@async
function Socket:write(bytes)
  local sent = 0
  wait.until_true("the peer has taken what was written", function()
    local size = tonumber(C.send(self.fd, ffi.cast("const char *", bytes) + sent, #bytes - sent, MSG_NOSIGNAL))
    if size < 0 and ffi.errno() ~= EAGAIN then
      error("the peer takes nothing any more", 0)
    end
    sent = sent + math.max(size, 0)
    return sent == #bytes
  end)
end

--- Writes as many of the bytes as the system takes now; how many, nil when the peer has reset the connection, which the
--- system says once: to whoever writes or reads first.
---@param bytes string|ffi.cdata*
function Socket:write_nowait(bytes, size)
  local sent = tonumber(C.send(self.fd, bytes, size, MSG_NOSIGNAL))
  if sent >= 0 then
    return sent
  elseif ffi.errno() == EAGAIN then
    return 0
  end
  self.was_reset = true
  return nil
end

--- Ends the own side.
function Socket:finish()
  C.shutdown(self.fd, SHUT_WR)
end

function Socket:close()
  if self.fd then
    C.close(self.fd)
    self.fd = nil
  end
end

--- Closes with a reset.
function Socket:reset()
  local on_for_0_s = ffi.new("int[2]", 1, 0)
  C.setsockopt(self.fd, SOL_SOCKET, SO_LINGER, on_for_0_s, 8)
  self:close()
end

local Listener = {}
Listener.__index = Listener

--- Accepts a connection if one has come.
function Listener:accept_nowait()
  local fd = C.accept4(self.fd, nil, nil, 0x80800)
  return fd >= 0 and new(fd) or nil
end

--- Waits for a connection.
---@async
function Listener:accept()
  return wait.until_true("somebody connects", function()
    return self:accept_nowait()
  end)
end

function Listener:close()
  C.close(self.fd)
end

local socket = {}

local function tcp_address(port)
  local address = inet(AF_INET)
  address.port[0], address.port[1] = bit.rshift(port, 8), bit.band(port, 255)
  address.host[0], address.host[3] = 127, 1
  return address
end

--- Listens on a port of 127.0.0.1; a free one where none is given.
function socket.listen(port, backlog)
  core.isolate(false) -- the test wants somebody outside to connect to
  local address = tcp_address(port or 0)
  local fd = check(C.socket(AF_INET, SOCK_STREAM, 0), "socket")
  check(C.bind(fd, address, ffi.sizeof(address)), "bind")
  check(C.listen(fd, backlog or 128), "listen")
  local size = ffi.new("unsigned[1]", ffi.sizeof(address))
  check(C.getsockname(fd, address, size), "getsockname")
  local bound = address.port[0] * 256 + address.port[1]
  return setmetatable({ fd = fd, port = bound, url = "http://127.0.0.1:" .. bound }, Listener)
end

--- Listens on a Unix socket, in place of a file that is there; closing removes it.
function socket.listen_unix(path)
  os.remove(path)
  local address = unix(AF_UNIX, path)
  local fd = check(C.socket(AF_UNIX, SOCK_STREAM, 0), "socket")
  check(C.bind(fd, address, ffi.sizeof(address)), "bind")
  check(C.listen(fd, 128), "listen")
  local listener = setmetatable({ fd = fd, path = path }, Listener)
  function listener:close()
    C.close(self.fd)
    os.remove(path)
  end
  return listener
end

--- A listener of this block: each of its tests has one of its own.
function socket.of_each_test()
  local listener, used = setmetatable({}, Listener), {}

  --- Listens on another port, which none of the tests has had.
  function listener:move()
    self:close()
    self:open()
  end

  function listener:open()
    local now = socket.listen()
    while used[now.port] do
      local again = now
      now = socket.listen()
      again:close()
    end
    used[now.port] = true
    self.fd, self.port, self.url = now.fd, now.port, now.url
  end

  busted.before_each(function()
    listener:open()
  end)
  busted.after_each(function()
    listener:close()
  end)
  return listener
end

local FILL = 3 -- more than wait to be accepted where the backlog is 0

--- Listens on a port of 127.0.0.1 that takes no connection any more: who connects to it waits.
function socket.listen_full()
  local listener = socket.listen(0, 0)
  local fillers = {}
  for index = 1, FILL do
    fillers[index] = new(check(C.socket(AF_INET, SOCK_STREAM, 0), "socket"))
    C.connect(fillers[index].fd, tcp_address(listener.port), ffi.sizeof(inet))
  end
  function listener:close()
    C.close(self.fd)
    for _, filler in ipairs(fillers) do
      filler:close()
    end
  end
  return listener
end

local NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"

--- What an upstream gets of who calls it: the head of a request, which it answers with these bytes.
---@async
---@param call fun(url: string): any
---@param answer string? 204 where it is left out
---@return string head
---@return any # what `call` has returned
function socket.head_of(call, answer)
  local upstream, head = socket.listen(), nil
  local results = tg.gather {
    upstream = function()
      local connection = upstream:accept()
      head = connection:read_head()
      connection:write(answer or NO_CONTENT)
      connection:close()
    end,
    call = function()
      return call(upstream.url)
    end,
  }
  upstream:close()
  return head, results.call
end

--- A port of 127.0.0.1 on which nobody listens.
function socket.closed_port()
  local listener = socket.listen()
  listener:close()
  return listener.port
end

--- Connects to a port of 127.0.0.1.
---@async
---@param receive_bytes? integer the system's own buffer for what comes; the less, the sooner the peer waits
function socket.connect(port, receive_bytes)
  local fd = check(C.socket(AF_INET, SOCK_STREAM, 0), "socket")
  if receive_bytes then
    C.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, ffi.new("int[1]", receive_bytes), 4)
  end
  return wait.until_true("there is a connection", function()
    if C.connect(fd, tcp_address(port), ffi.sizeof(inet)) == 0 or ffi.errno() == EISCONN then
      return new(fd)
    end
    local errno = ffi.errno()
    if errno ~= EINPROGRESS and errno ~= EALREADY then
      C.close(fd)
      error(("connect failed (errno %d)"):format(errno), 0)
    end
  end)
end

--- Connects to a Unix socket.
function socket.connect_unix(path)
  local address = unix(AF_UNIX, path)
  local fd = check(C.socket(AF_UNIX, SOCK_STREAM, 0), "socket")
  check(C.connect(fd, address, ffi.sizeof(address)), "connect")
  return new(fd)
end

return socket
