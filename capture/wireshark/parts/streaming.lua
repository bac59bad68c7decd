-- TCP streams, which hold packets back to back, and pings, which are datagrams.

local BASE_HEADER_SIZE = 16
local SESSION_HEADER_SIZE = 16

local function add_expert(item, name, why)
  item:add_proto_expert_info(E[name], why)
end

-- Does a packet begin here, as far as its first 12 bytes tell?
local function begins_packet(tvb, offset)
  if offset + 12 > tvb:len() or tvb(offset, 1):uint() ~= VERSION_NUMBER then return false end
  if tvb(offset + 4, 4):le_uint() ~= PACKET_SIGNATURE then return false end
  local size = tvb(offset + 8, 4):le_uint()
  if floor(tvb(offset + 2, 2):le_uint() / 8) % 2 == 1 then return size == 32 or size == 36 or size == 572 end
  return size >= USER_MESSAGE_SIZE_MIN and size <= PACKET_SIZE_MAX
end

-- May these few bytes be the first of a packet, of which the others are still to come?
local function may_begin_packet(tvb, offset)
  local length = math.min(tvb:len() - offset, 8)
  if tvb(offset, 1):uint() ~= VERSION_NUMBER then return false end
  return length <= 4 or tvb(offset + 4, length - 4):raw() == string.sub("LIOR", 1, length - 4)
end

-- Bytes of the packet that begins here: PacketSize, and the SessionHeader unless PacketSize counts it, which
-- only its headers tell.
local function size_of_packet(tvb, offset)
  local size = tvb(offset + 8, 4):le_uint()
  local flags = tvb(offset + 2, 2):le_uint()
  if floor(flags / 8) % 2 == 1 or floor(flags / 16) % 2 == 0 or offset + size > tvb:len() then return size end
  local fault = try_reading(tvb(offset, size):tvb(), nil, read_packet)
  if fault and string.sub(fault.name, 1, 14) == "SessionHeader." then return size + SESSION_HEADER_SIZE end
  return size
end

local function malformed(item, fault)
  local name = fault.code:gsub("^MSMQ_DECODE_", "mqqb.malformed."):lower()
  local place = fault.item or fault.tree or item
  place:add_proto_expert_info(E[name], fault.name .. ": " .. fault.why)
  return "malformed: " .. fault.name .. " " .. fault.why
end

local function show_packet(tvb, root)
  local item = root:add(mqqb, tvb())
  local fault = try_reading(tvb, item, read_packet)
  if fault then
    local line = malformed(item, fault)
    item:append_text(", " .. line)
    return line
  end
  local kind = packet_type()
  item:add(F["mqqb.type"], tvb(0, given), kind):set_generated()
  item:add(F["mqqb.length"], tvb(0, given), given):set_generated()
  local line = tell(item, kind)
  item:append_text(", " .. line)
  return line
end

local function show_cut(tvb, root)
  local item = root:add(mqqb, tvb())
  try_reading(tvb, item, read_packet)
  add_expert(item, "mqqb.note.cut_short", "the capture holds only the first bytes of this packet")
  item:append_text(", cut short by the capture")
  return "packet cut short by the capture"
end

-- Offset of the next packet from `offset` on, or of the end.
local function next_packet(tvb, offset)
  local raw = tvb(offset):raw()
  local from = 1
  while true do
    local found = string.find(raw, "LIOR", from, true)
    if not found then return tvb:len() end
    if found > 4 and begins_packet(tvb, offset + found - 5) then return offset + found - 5 end
    from = found + 1
  end
end

local function show_skipped(tvb, offset, root)
  local stop = next_packet(tvb, offset + 1)
  local item = root:add(mqqb, tvb(offset, stop - offset))
  item:add(F["mqqb.skipped"], tvb(offset, stop - offset))
  local why = decimal(stop - offset) .. " bytes of no packet"
  add_expert(item, "mqqb.note.skipped", why .. ": the capture starts inside one, or misses a piece")
  item:append_text(", " .. why)
  return stop, why
end

-- A header that is damaged: what can be read of it, then on with the next that is whole.
local function show_damaged(tvb, offset, root)
  local stop = next_packet(tvb, offset + 1)
  return stop, show_packet(tvb(offset, stop - offset):tvb(), root)
end

-- Shows what begins at `offset`. Returns where it ends and its line, or what is missing to the end of the packet.
local function show_next(tvb, offset, root, is_whole)
  local left = tvb:len() - offset
  if left < 12 and may_begin_packet(tvb, offset) then
    if is_whole then return nil, DESEGMENT_ONE_MORE_SEGMENT end
    return tvb:len(), show_cut(tvb(offset):tvb(), root)
  end
  if begins_packet(tvb, offset) then
    local size = size_of_packet(tvb, offset)
    if size > left then
      if is_whole then return nil, size - left end
      return tvb:len(), show_cut(tvb(offset):tvb(), root)
    end
    return offset + size, show_packet(tvb(offset, size):tvb(), root)
  end
  local has_signature = left >= 8 and tvb(offset + 4, 4):le_uint() == PACKET_SIGNATURE
  if left >= 12 and (has_signature or tvb(offset, 1):uint() == VERSION_NUMBER) then
    return show_damaged(tvb, offset, root)
  end
  return show_skipped(tvb, offset, root)
end

-- Packets of one frame may come in several calls. What was shown in those before stays in the line, and this goes on.
local function set_line(pinfo, lines)
  if #lines == 0 then return end
  local line = table.concat(lines, "; ")
  if pinfo.private["mqqb.shown"] then line = "; " .. line end
  pinfo.private["mqqb.shown"] = "yes"
  pinfo.cols.info = line
end

local function dissect_stream(tvb, pinfo, root, can_wait)
  pinfo.cols.protocol = "MQQB"
  local lines = {}
  local offset = 0
  while offset < tvb:len() do
    local stop, line = show_next(tvb, offset, root, can_wait)
    if not stop then
      pinfo.desegment_offset = offset
      pinfo.desegment_len = line
      break
    end
    lines[#lines + 1] = line
    offset = stop
  end
  set_line(pinfo, lines)
  return tvb:len()
end

local function is_whole(tvb)
  return tvb:reported_len() == tvb:len()
end

function mqqb.dissector(tvb, pinfo, root)
  return dissect_stream(tvb, pinfo, root, pinfo.can_desegment > 0 and is_whole(tvb))
end

local function is_mqqb(tvb, pinfo, root)
  if tvb:len() < BASE_HEADER_SIZE or not begins_packet(tvb, 0) then return false end
  pinfo.conversation = mqqb
  dissect_stream(tvb, pinfo, root, is_whole(tvb)) -- TCP asks with can_desegment 0 here, and waits all the same
  return true
end

function ping.dissector(tvb, pinfo, root)
  pinfo.cols.protocol = "MQQB"
  local item = root:add(mqqb, tvb())
  local fault = try_reading(tvb, item, read_ping_packet)
  if fault then
    pinfo.cols.info = "Ping, " .. malformed(item, fault)
    return tvb:len()
  end
  item:add(F["mqqb.type"], tvb(0, given), "Ping"):set_generated()
  item:add(F["mqqb.length"], tvb(0, given), given):set_generated()
  local line = "Ping " .. decimal(values["Ping.Cookie"]) .. " of " .. guid_at(offsets["Ping.QMGuid"])
  if floor(values["Ping.Flags"] / 2) % 2 == 1 then line = line .. ", would be refused" end
  item:append_text(", " .. line)
  pinfo.cols.info = line
  return tvb:len()
end

DissectorTable.get("tcp.port"):add(MSMQ_PORT, mqqb)
DissectorTable.get("udp.port"):add(MSMQ_PING_PORT, ping)
mqqb:register_heuristic("tcp", is_mqqb)
