using AgCam.Cli;

return await Invocation.Run(AgcamCommand.Create(), args);
