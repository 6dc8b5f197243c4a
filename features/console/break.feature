@console
Feature: Something is broken, and heals before one's eyes
  Each switch does to the platform what an accident would do. The page writes down what happened, and how long it
  took until all was well again.

  Scenario: A connector is paused
    Given the page "Break it" is open
    When "login-sink-connector" is chosen, and the switch "Pause a connector" is thrown
    Then the page tells "The platform is PAUSED login-sink-connector"
    When ada signs up
    And the button "Resume it" is pressed
    Then the page tells that it has healed, and after how long
    And ada has reached login_db after all

  Scenario: The mail server refuses every mail
    Given the page "Break it" is open
    When the switch "Refuse every mail" is thrown
    Then the page tells "Mails wait in the outboxes now"
    When ada signs up while the mail server is down
    Then no mail comes to ada
    When the button "Take mails again" is pressed
    Then the page tells that it has healed, and after how long
    And ada is mailed a link after all

  Scenario Outline: A <kind> record changes nothing
    Given ada has an active account
    And the page "Break it" is open
    When "users" is chosen, and the switch "Send a <kind> record" is thrown
    Then the page tells that it has healed, and after how long
    And the page tells "No database shows another row of user"
    And the page tells "<told>"
    And ada logs in as before
    Examples:
      | kind   | told                                          |
      | late   | the same as record                            |
      | poison | It is parked as record                        |

  Scenario: A duplicate changes nothing
    Given ada has an active account
    And the page "Break it" is open
    When "users" is chosen, and the switch "Send a duplicate" is thrown
    Then the page tells that it has healed, and after how long
    And the page tells "No database shows another row of user"

  Scenario: A topic is replayed from its start
    Given ada has an active account
    And the page "Break it" is open
    When "login-sink-connector" is chosen, and the switch "Replay a topic from the start" is thrown
    Then the page tells that it has healed, and after how long
    And ada logs in as before

  @needs_engines
  Scenario: A database is killed
    Given ada has an active account
    And the page "Break it" is open
    When "login_mysql" is chosen, and the switch "Kill a part" is thrown
    Then the page tells "The platform is NOT READY login"
    When the button "Start it again" is pressed
    Then the page tells that it has healed, and after how long
    And ada logs in as before

  Scenario: Without script the switches are buttons of forms
    Given the page "Break it" is open without script
    When "loginconnector" is chosen, and the switch "Pause a connector" is thrown
    And the page is opened anew until the button "Resume it" is there, which is pressed
    Then the page tells, once it is opened anew, that it has healed
