using AgCam.Cli;

return await Invocation.RunAsync(AgcamCommand.Create(), args);
