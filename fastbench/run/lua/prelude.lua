-- What a script of wrk finds when it starts, and how each of its functions is called.
--
-- 1. The names and what they do are those of wrk's documentation (SCRIPTING). The chunk is called
--    with the functions of Python in `py`, and returns the functions that Python calls in `drive`.
-- 2. Values go from one state to another as text, see `dump`: nil, booleans, numbers, strings, and
--    tables of these.
-- 3. `request` and `response` are called many times in one call of Python's: what goes in and out
--    is one text each time.

local py = ...
local drive = {}
local concat, floor = table.concat, math.floor
-- A script may overwrite these, but not for us.
local error, getmetatable, loadstring, next, newproxy = error, getmetatable, loadstring, next, newproxy
local pairs, pcall, select, setmetatable = pairs, pcall, select, setmetatable
local tonumber, tostring, type = tonumber, tostring, type
local out = io.stdout

if py.to_stderr then -- standard output is for the result alone
   out = io.stderr
   io.output(out)
   io.stdout = out
   function print(...)
      local words = {}
      for i = 1, select("#", ...) do
         words[i] = tostring((select(i, ...)))
      end
      out:write(concat(words, "\t"), "\n")
   end
end

-- Values as text

local MAX_DEPTH = 100
local simple = {
   ["nil"] = function() return "-" end,
   boolean = function(value) return value and "t" or "f" end,
   string = function(value) return "s" .. #value .. ":" .. value end,
   number = function(value)
      if value ~= value then return "N" end
      if value == math.huge then return "I" end
      if value == -math.huge then return "J" end
      return ("n%.17g;"):format(value)
   end,
}

local function append(parts, value, depth)
   local write = simple[type(value)]
   if write then
      parts[#parts + 1] = write(value)
   elseif type(value) ~= "table" then
      error("cannot transfer '" .. type(value) .. "' to thread", 0)
   elseif depth > MAX_DEPTH then
      error("cannot transfer a table that is in itself, or nested too deep", 0)
   else
      parts[#parts + 1] = "{"
      for key, each in next, value do
         append(parts, key, depth + 1)
         append(parts, each, depth + 1)
      end
      parts[#parts + 1] = "}"
   end
end

local function dump(value)
   local parts = {}
   append(parts, value, 1)
   return concat(parts)
end

local constants = {["-"] = nil, t = true, f = false, N = 0 / 0, I = math.huge, J = -math.huge}

local function read(text, at)
   local kind = text:sub(at, at)
   if kind == "n" then
      local stop = text:find(";", at, true)
      return tonumber(text:sub(at + 1, stop - 1)), stop + 1
   elseif kind == "s" then
      local stop = text:find(":", at, true)
      local length = tonumber(text:sub(at + 1, stop - 1))
      return text:sub(stop + 1, stop + length), stop + length + 1
   elseif kind == "{" then
      local found, key, value = {}, nil, nil
      at = at + 1
      while text:sub(at, at) ~= "}" do
         key, at = read(text, at)
         value, at = read(text, at)
         found[key] = value
      end
      return found, at + 1
   end
   return constants[kind], at + 1
end

local function restore(text)
   return (read(text, 1))
end

local function checked_dump(value, level)
   local ok, text = pcall(dump, value)
   if not ok then error(text, level + 1) end
   return text
end

-- Addresses: each is known to Python by its text

local texts = setmetatable({}, {__mode = "k"})
local ADDRESS = newproxy(true)
getmetatable(ADDRESS).__tostring = function(self) return texts[self] end

local function address(text)
   local one = newproxy(ADDRESS)
   texts[one] = text
   return one
end

-- Threads: `own` is the number of the one that this state belongs to, nil in the main state

local own
local numbers = setmetatable({}, {__mode = "k"})
local THREAD = newproxy(true)
local methods = {}

local function thread(number)
   local one = newproxy(THREAD)
   numbers[one] = number
   return one
end

local function number_of(self)
   return numbers[self] or error("use a colon, as in thread:get(name)", 3)
end

local kept = {} -- by thread: its globals after the run, each as text; "" of one that is too large

function methods.get(self, name)
   local number = number_of(self)
   if number == own then return restore(checked_dump(_G[name], 2)) end
   if kept[number] then
      local text = kept[number][name]
      if text == "" then error("the value of '" .. name .. "' is too large to be kept", 2) end
      return text and restore(text)
   end
   local text, why = py.get(number, tostring(name))
   if not text then error(why, 2) end
   return restore(text)
end

function methods.set(self, name, value)
   local number = number_of(self)
   local text = checked_dump(value, 2)
   if number == own then
      _G[name] = restore(text)
      return
   end
   local why = py.set(number, tostring(name), text)
   if why then error(why, 2) end
end

local stopped = false

function methods.stop(self)
   local why = py.stop(number_of(self))
   if why then error(why, 2) end
   stopped = true
end

-- In setup() and done() it ends the process, as in wrk; in a worker it would look like a crash.
local exit = os.exit

function os.exit(...)
   if own then error("os.exit() ends no worker; wrk.thread:stop() does", 2) end
   return exit(...)
end

getmetatable(THREAD).__index = function(self, key)
   if key == "addr" then return address(py.address(numbers[self])) end
   return methods[key]
end

getmetatable(THREAD).__newindex = function(self, key, value)
   if key ~= "addr" then error("cannot set '" .. tostring(key) .. "' on thread", 2) end
   if not texts[value] then error("thread.addr takes an address of wrk.lookup()", 2) end
   local why = py.move(numbers[self], texts[value])
   if why then error(why, 2) end
end

-- The table `wrk`

wrk = {
   scheme = py.scheme, host = py.host, port = py.port,
   method = py.method, path = py.path, headers = restore(py.headers), body = py.body,
}
package.loaded.wrk = wrk
package.path = py.folder .. "/?.lua;" .. package.path

function wrk.lookup(host, service)
   local found, why = py.lookup(tostring(host or ""), tostring(service or ""))
   if not found then error(why, 2) end
   local addresses = {}
   for text in found:gmatch("[^\n]+") do
      addresses[#addresses + 1] = address(text)
   end
   return addresses
end

function wrk.connect(addr)
   if not texts[addr] then error("wrk.connect() takes an address of wrk.lookup()", 2) end
   return py.connect(texts[addr])
end

function wrk.format(method, path, headers, body)
   local fields = headers or wrk.headers
   local content = body or wrk.body
   local parts = {method or wrk.method, " ", path or wrk.path, " HTTP/1.1\r\n"}
   local n = 4
   for name, value in pairs(fields) do
      if name ~= "Content-Length" then
         parts[n + 1], parts[n + 2], parts[n + 3], parts[n + 4] = name, ": ", tostring(value), "\r\n"
         n = n + 4
      end
   end
   if not fields.Host and wrk.headers.Host then
      parts[n + 1], parts[n + 2], parts[n + 3] = "Host: ", tostring(wrk.headers.Host), "\r\n"
      n = n + 3
   end
   if content then
      parts[n + 1], parts[n + 2], parts[n + 3] = "Content-Length: ", #content, "\r\n"
      n = n + 3
   end
   parts[n + 1], parts[n + 2] = "\r\n", content or ""
   return concat(parts)
end

-- The phases, called by Python

local there = {} -- globals that are not the script's

function drive.load(source, name)
   for key in pairs(_G) do there[key] = true end
   local chunk, why = loadstring(source, name)
   if not chunk then error(why, 0) end
   chunk()
end

function drive.flush()
   out:flush()
end

function drive.defines(name)
   return type(_G[name]) == "function"
end

function drive.setup(number)
   if type(setup) == "function" then setup(thread(number)) end
end

function drive.init(number, args)
   own = number
   wrk.thread = thread(number)
   if not wrk.headers.Host then
      local host = wrk.host:find(":", 1, true) and "[" .. wrk.host .. "]" or wrk.host
      wrk.headers.Host = wrk.port and host .. ":" .. wrk.port or host
   end
   if type(init) == "function" then init(restore(args)) end
   local text = wrk.format()
   function wrk.request() return text end
end

function drive.get(name)
   local ok, text = pcall(dump, _G[name])
   if not ok then return nil, text end
   return text
end

function drive.set(name, text)
   _G[name] = restore(text)
end

local function one_text()
   local text = (type(request) == "function" and request or wrk.request)()
   if type(text) ~= "string" then
      error(py.name .. ": request() must return a string, not " .. type(text), 0)
   end
   return text
end

drive.text = one_text

local MAX_DELAY_MS = 9e7 -- a day; as nanoseconds it has 14 digits, which all of Lua writes out
local min = math.min

-- Return `count` texts, fewer when they have `most_bytes` together or the script stops its thread;
-- each as "length nanoseconds\n" and the text: when it is due after the connection is free, and
-- what request() returned.
function drive.texts(count, most_bytes)
   local parts, n, n_bytes = {}, 0, 0
   for _ = 1, count do
      local wait_ns = 0
      if type(delay) == "function" then
         local wait_ms = tonumber((delay()))
         if not wait_ms or not (wait_ms >= 0 and wait_ms < 1e9) then
            error(py.name .. ": delay() must return milliseconds, 0 or more", 0)
         end
         wait_ns = floor(min(wait_ms, MAX_DELAY_MS) * 1e6)
      end
      local text = one_text()
      parts[n + 1], parts[n + 2], parts[n + 3], parts[n + 4] = #text, " ", wait_ns, "\n"
      parts[n + 5] = text
      n = n + 5
      n_bytes = n_bytes + #text
      if stopped or n_bytes > most_bytes then break end
   end
   return concat(parts)
end

-- Call response() for each answer: lines of status, number of fields and length of the body; a
-- line of name and one of value for each field; the body. Only functions that LuaJIT compiles.
function drive.answers(text)
   local at, find, sub = 1, string.find, string.sub
   local size = #text
   while at <= size do
      local stop = find(text, "\n", at, true)
      local status = tonumber(sub(text, at, stop - 1))
      at = stop + 1
      stop = find(text, "\n", at, true)
      local fields = tonumber(sub(text, at, stop - 1))
      at = stop + 1
      stop = find(text, "\n", at, true)
      local length = tonumber(sub(text, at, stop - 1))
      at = stop + 1
      local headers = {}
      for _ = 1, fields do
         stop = find(text, "\n", at, true)
         local name = sub(text, at, stop - 1)
         at = find(text, "\n", stop + 1, true)
         headers[name] = sub(text, stop + 1, at - 1)
         at = at + 1
      end
      local body = sub(text, at, at + length - 1)
      at = at + length
      response(status, headers, body)
   end
end

-- What thread:get() can ask for after the run: the script's globals, as a table of texts.
function drive.globals(most_bytes)
   local found = {}
   for name, value in pairs(_G) do
      if type(name) == "string" and not there[name] then
         local ok, text = pcall(dump, value)
         if ok and #text <= most_bytes then
            found[name] = text
            most_bytes = most_bytes - #text
         elseif ok then
            found[name] = ""
         end
      end
   end
   return dump(found)
end

function drive.keep(number, text)
   kept[number] = restore(text)
end

-- What was measured

local figures = setmetatable({}, {__mode = "k"})
local STATISTICS = newproxy(true)
local statistics = getmetatable(STATISTICS)

local function measured(number, text)
   local one = newproxy(STATISTICS)
   figures[one] = restore(text)
   figures[one].number = number
   return one
end

function statistics.__index(self, key)
   local of = figures[self]
   if key ~= "percentile" then return of[key] end
   return function(_, percent) return py.percentile(of.number, tonumber(percent) or 0) end
end

function statistics.__call(self, index)
   local of = figures[self]
   return of.values[index] or 0, of.counts[index] or 0
end

function statistics.__len(self)
   return #figures[self].values
end

function drive.done(summary, latency, requests)
   done(restore(summary), measured(1, latency), measured(2, requests))
end

return drive
