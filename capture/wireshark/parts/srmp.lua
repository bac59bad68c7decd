-- SRMP: envelopes in the bodies of HTTP requests. HTTP is left to Wireshark's own dissector; this one looks at what
-- that has put together.

local http_body = Field.new("http.file_data")
local ENVELOPE_SIZE_MAX = 1048576
local DEPTH_MAX = 32
local NAMED = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

srmp.fields = of_protocol(all_fields(), "srmp")
srmp.experts = of_protocol(E, "srmp")

-- A number too long for Lua 5.4 comes as a negative one.
local function utf8_of(code)
  if code < 0 then return "?" end
  if code < 128 then return string.char(code) end
  if code < 2048 then return string.char(192 + floor(code / 64), 128 + code % 64) end
  if code < 65536 then return string.char(224 + floor(code / 4096), 128 + floor(code / 64) % 64, 128 + code % 64) end
  if code > 1114111 then return "?" end
  return string.char(240 + floor(code / 262144), 128 + floor(code / 4096) % 64, 128 + floor(code / 64) % 64, 128 + code % 64)
end

local function without_entities(content)
  return (string.gsub(content, "&(#?)(x?)(%w+);", function(hash, x, name)
    if hash == "" then return NAMED[x .. name] end
    local code = tonumber(name, x == "x" and 16 or 10)
    return code and utf8_of(floor(code))
  end))
end

-- From the end by hand: a pattern would look at a long gap once for each of its characters.
local function trimmed(content)
  local last = #content
  while last > 0 and string.find(content, "^%s", last) do last = last - 1 end
  return (string.gsub(string.sub(content, 1, last), "^%s+", ""))
end

-- Calls `found(path, content, first, last)` for each element with no element inside; paths are of local names, in
-- lower case. Returns what is wrong, or nil.
local function walk_xml(xml, found)
  local path, starts, is_leaf = {}, {}, {}
  local from = 1
  while true do
    local open = string.find(xml, "<", from, true)
    if not open then return #path > 0 and "ends inside <" .. path[#path] .. ">" or nil end
    local close
    if string.sub(xml, open, open + 3) == "<!--" then
      close = select(2, string.find(xml, "-->", open + 4, true))
    elseif string.sub(xml, open, open + 8) == "<![CDATA[" then
      close = select(2, string.find(xml, "]]>", open + 9, true))
    else
      close = string.find(xml, ">", open, true)
    end
    if not close then return "a tag that does not end" end
    local slash, name = string.match(string.sub(xml, open, close), "^<(/?)([^%s/>!?]+)")
    local localname = name and string.lower(string.gsub(name, "^.*:", ""))
    if localname and slash == "/" then
      if path[#path] ~= localname then return "</" .. name .. "> ends nothing" end
      if is_leaf[#path] then
        found(table.concat(path, "/"), string.sub(xml, starts[#path], open - 1), starts[#path], open - 1)
      end
      path[#path] = nil
    elseif localname then
      if #path >= DEPTH_MAX then return "elements within elements, too deep" end
      if #path > 0 then is_leaf[#path] = false end
      path[#path + 1] = localname
      starts[#path], is_leaf[#path] = close + 1, true
      if string.sub(xml, close - 1, close - 1) == "/" then
        found(table.concat(path, "/"), "", open, close)
        path[#path] = nil
      end
    end
    from = close + 1
  end
end

-- A number of 64 bits in decimal as two of 32 in hexadecimal: more than a double holds.
local function sequence_of(digits)
  local high, low = 0, 0
  for digit in string.gmatch(digits, "%d") do
    low = low * 10 + tonumber(digit)
    high = high * 10 + floor(low / 4294967296)
    low = low % 4294967296
    if high >= 4294967296 then return nil end
  end
  return string.format("%08x:%08x", floor(high), floor(low))
end

local function add_element(item, range, element, content)
  local filter, kind = element[1], element[2]
  local value = trimmed(without_entities(content))
  if kind == "present" then
    item:add(F[filter], range, true)
    return true
  end
  if kind == "string" then
    item:add(F[filter], range, value)
    return value
  end
  local numeric = string.match(value, "^%d+$") and #value <= 10 and tonumber(value)
  if not numeric or numeric > 4294967295 then
    item:add_proto_expert_info(E["srmp.malformed"], filter .. " is no number of 32 bits: " .. value)
    return nil
  end
  item:add(F[filter], range, numeric)
  return numeric
end

local function kind_of(met)
  if met["srmp.streamreceipt.lastordinal"] then
    return met["srmp.commitmentreceipt.decision"] and "finalStreamReceipt" or "streamReceipt"
  end
  if met["srmp.commitmentreceipt.decision"] then return "commitmentReceipt" end
  if met["srmp.deliveryreceipt.receivedat"] then return "deliveryReceipt" end
  return "user"
end

local function envelope_line(kind, met, sequence_id)
  local line = "SRMP " .. kind
  if sequence_id then line = line .. " seq " .. sequence_id end
  if met["srmp.stream.current"] then line = line .. " #" .. decimal(met["srmp.stream.current"]) end
  if met["srmp.stream.previous"] then line = line .. " (prev " .. decimal(met["srmp.stream.previous"]) .. ")" end
  if met["srmp.streamreceipt.lastordinal"] then line = line .. " up to #" .. decimal(met["srmp.streamreceipt.lastordinal"]) end
  if met["srmp.to"] then line = line .. " → " .. met["srmp.to"] end
  return line
end

local function show_envelope(range, item)
  local met = {}
  local fault = walk_xml(range:raw(), function(path, content, first, last)
    local element = ELEMENTS[path]
    if not element then return end
    local place = last >= first and range(first - 1, last - first + 1) or range
    met[element[1]] = add_element(item, place, element, content)
  end)
  if fault then item:add_proto_expert_info(E["srmp.malformed"], fault) end
  local kind = kind_of(met)
  item:add(F["srmp.kind"], range, kind):set_generated()
  local label = met["srmp.action"] and string.match(met["srmp.action"], "^MSMQ:(.*)$")
  if label then item:add(F["srmp.label"], range, label):set_generated() end
  local owner, digits = string.match(met["srmp.stream.streamid"] or met["srmp.streamreceipt.streamid"] or "", "^uid:(.-)\\(%d+)$")
  local sequence_id = digits and sequence_of(digits)
  if owner then item:add(F["srmp.stream.qm"], range, string.lower(owner)):set_generated() end
  if sequence_id then item:add(F["srmp.txseq"], range, sequence_id):set_generated() end
  return envelope_line(kind, met, sequence_id)
end

-- Parts of a multipart body: { headers, first, last }, counted from 1. MSMQ writes no line break before a delimiter
-- and says how long parts are.
local function parts_of(raw, boundary)
  local parts = {}
  local from = 1
  while true do
    local found, stop = string.find(raw, "--" .. boundary, from, true)
    if not found or string.sub(raw, stop + 1, stop + 2) == "--" then return parts end
    local head_end, body = string.find(raw, "\r\n\r\n", stop, true)
    if not head_end then return parts end
    local headers = string.lower(string.sub(raw, stop + 1, head_end + 1))
    local length = tonumber(string.match(headers, "\ncontent%-length:%s*(%d+)"))
    local last = length and body + length
    if not last or last > #raw then
      local following = string.find(raw, "--" .. boundary, body + 1, true) or #raw + 1
      last = following - 1
      if string.sub(raw, last - 1, last) == "\r\n" and not length then last = last - 2 end
    end
    parts[#parts + 1] = { headers = headers, first = body + 1, last = last }
    from = last + 1
  end
end

local function show_part(part, range, item)
  local size = part.last - part.first + 1
  local place = size > 0 and range(part.first - 1, size) or range
  local id = string.match(part.headers, "\ncontent%-id:%s*<?([^%s>]*)") or "no Content-Id"
  item:add(F["srmp.part"], place, id):add(F["srmp.part.length"], place, math.max(size, 0))
end

local function show_body(range, pinfo, root)
  local raw = range:raw()
  local boundary = string.match(raw, "^%s*%-%-([^\r\n]+)\r\n")
  local parts = boundary and parts_of(raw, boundary) or { { headers = "", first = 1, last = #raw } }
  local envelope = parts[1]
  if not envelope or envelope.last < envelope.first or envelope.last - envelope.first >= ENVELOPE_SIZE_MAX then return end
  local xml = range(envelope.first - 1, envelope.last - envelope.first + 1)
  if not string.find(xml:raw(), "http://schemas.xmlsoap.org/srmp/", 1, true) then return end
  local item = root:add(srmp, range)
  local line = show_envelope(xml, item)
  for index = 2, #parts do show_part(parts[index], range, item) end
  item:append_text(", " .. line)
  pinfo.cols.protocol = "SRMP"
  pinfo.cols.info:append(" " .. line)
end

function srmp.dissector(_, pinfo, root)
  for _, body in ipairs({ http_body() }) do
    if body.len > 0 then show_body(body.range, pinfo, root) end
  end
end

register_postdissector(srmp)
