using AgCam.Api;

return await ApiProgram.RunAsync(args);
