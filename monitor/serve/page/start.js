"use strict";

connectLanes();
connectAlerts();
connectCall();
connectMicrophone();
connectStream();
