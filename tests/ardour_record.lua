-- Ardour without a window records what it is given, following JACK's transport.
--
--   ardour7-lua ardour_record.lua FOLDER RATE_HZ NAME=PORT[,PORT] ...
--
-- Two ports make a stereo audio track, one a MIDI track. Says "armed", waits for a line, then stops
-- recording, saves, says "saved" and ends. tests/ardour.py is who calls it.

local folder, rate_hz = arg[1], tonumber(arg[2])

AudioEngine:set_backend("JACK", "ardour", "")
local session = create_session(folder, "session", rate_hz)
assert(session, "no session")
sleep(1) -- JACK drops a client that is asked for more before it runs

local function add(name, ports)
    local order, mode = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
    local list
    if #ports == 2 then
        list = session:new_audio_track(2, 2, nil, 1, name, order, mode, true)
    else
        local one, none = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1), ARDOUR.PluginInfo()
        list = session:new_midi_track(one, one, true, none, nil, nil, 1, name, order, mode, true)
    end
    for track in list:iter() do
        sleep(0.5)
        for i, port in ipairs(ports) do
            local input
            if #ports == 2 then
                input = track:input():audio(i - 1)
            else
                input = track:input():midi(0)
            end
            input:disconnect_all()
            assert(input:connect(port) == 0, "no connection to " .. port)
        end
        track:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
    end
end

for i = 3, #arg do
    local name, list = arg[i]:match("^(.-)=(.*)$")
    local ports = {}
    for port in list:gmatch("[^,]+") do
        ports[#ports + 1] = port
    end
    add(name, ports)
end

session:cfg():set_external_sync(true)
session:maybe_enable_record(false)
sleep(1)
print("armed")
io.stdout:flush()
io.read("l")
session:disable_record(false, true)
sleep(1)
session:save_state("", false, false, false, false, false)
close_session()
print("saved")
io.stdout:flush()
