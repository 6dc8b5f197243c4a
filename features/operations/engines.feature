@operations @needs_engines
Feature: An engine dies and comes back
  People sign up all the while; nothing acknowledged is lost or doubled, and no hand is needed.

  Scenario Outline: <part> is killed and started again
    Given people keep signing up
    When <part> is killed, and started again 3 seconds later
    Then a sign-up made after that reaches login_db
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree
    Examples:
      | part        |
      | login_mysql |
      | connect     |
      | kafka       |

  Scenario: The database of reset-password dies
    Given people keep signing up
    And ada has an active account
    When rpwd_mysql is killed, and started again 3 seconds later
    Then a login of ada made after that is known to reset-password
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree

  Scenario: The database of activation dies
    Given people keep signing up
    And ada has signed up
    When mongodb1 is killed, and started again 3 seconds later
    Then an activation of ada made after that reaches login_db
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree

  Scenario: The primary of sign-up's group dies
    Given people keep signing up
    When the primary of sign-up's group is killed
    Then a sign-up made after that reaches login_db
    And another member of sign-up's group is the primary
    When what was killed is started again
    Then all three members of sign-up's group are there
    And every connector is running
    And no account is lost or doubled, all are mailed, and the databases agree

  Scenario: The majority of sign-up's group dies
    Given people keep signing up
    When the primary of sign-up's group and one more member are killed
    And what was killed is started again
    Then a sign-up made after that reaches login_db
    And all three members of sign-up's group are there
    And every connector is running
    And no account is lost or doubled, all are mailed, and the databases agree

  Scenario: Who asks is told what is down
    When kafka is killed
    Then the status names kafka as down
    And it calls no connector RUNNING, and signup and activation not ready
    When what was killed is started again
    Then the status says that everything is ready again

  Scenario: A sink is paused
    Given people keep signing up
    When the connector "login-sink-connector" is paused for 3 seconds
    Then a sign-up made after that reaches login_db
    And nothing acknowledged is lost or doubled, and the databases agree

  Scenario: The mail server dies
    Given people keep signing up
    When inbox is killed, and started again 5 seconds later
    Then a sign-up made meanwhile is mailed within 30 seconds
    And no account is lost or doubled, all are mailed, and the databases agree

  Scenario: A record that cannot be written comes in between
    Given people keep signing up
    When a record that login_db refuses comes among theirs
    Then a sign-up made after that reaches login_db
    And it is parked in "dlq.login-sink-connector" with its reason
    And every connector is running
    And nothing acknowledged is lost or doubled, and the databases agree

  Scenario Outline: <connector> has lost its place
    Given ada is logged in
    And ada has reset the password to "a harbour in the evening"
    And people keep signing up
    When the offsets of "<connector>" are lost
    Then the connector "<connector>" has taken a fresh snapshot
    And a sign-up made after that reaches login_db
    And nothing acknowledged is lost or doubled, and the databases agree
    And the databases agree on ada in the end
    And ada can log in with "a harbour in the evening"
    And ada cannot log in with "a quiet harbour at dawn"
    Examples:
      | connector              |
      | signupconnector        |
      | mongonewuserconnector  |
      | loginconnector         |
      | resetpasswordconnector |
